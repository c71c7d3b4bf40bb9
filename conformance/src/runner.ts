import { pass, within } from './arrivals.js'
import { Bystanders } from './bystanders.js'
import { IdleSession } from './idle-session.js'
import type { Check } from './check.js'
import { Failure } from './failure.js'
import { Scene, type Subject } from './scene.js'

/** What came of a check. */
export interface Result {
  check: Check
  /** Why it failed, on one line; undefined where it passed. */
  reason: string | undefined
  /** Why it was not run; undefined where it was. */
  skipped?: string
  /** In milliseconds. */
  took: number
}

const longest = 30_000
const longestSlow = 200_000
const atOnce = 8

/** @throws Failure where the server does not keep the sentence of the check */
export async function runCheck(check: Check, subject: Subject): Promise<void> {
  const scene = new Scene(subject)
  let bystanders: Bystanders | undefined
  try {
    if (check.hostile) bystanders = await Bystanders.meet(subject)
    await within(check.run(scene), 'the end of the check', check.slow ? longestSlow : longest)
    await bystanders?.expectUndisturbed()
  } finally {
    scene.end()
    bystanders?.leave()
  }
}

/**
 * Runs checks: the peaceful ones several at a time, then the hostile ones one after the other. A
 * server that dies is waited for a while, and the death goes to the check that brought it about.
 *
 * @param done - called after each check
 */
export async function runChecks(
  checks: readonly Check[],
  subject: Subject,
  done: (result: Result) => void,
): Promise<void> {
  const idleSession = new IdleSession(subject)
  const peaceful = checks.filter(({ hostile }) => !hostile)
  const alone = checks.filter(({ hostile }) => hostile)

  const lane = async () => {
    for (let check; (check = peaceful.shift());) {
      const deaths = idleSession.deaths
      const result = await attempt(check, subject, idleSession)
      // it may have been another check's fault
      if (result.reason !== undefined && idleSession.deaths > deaths) alone.push(check)
      else done(result)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  for (const check of alone) done(await attempt(check, subject, idleSession))
  idleSession.leave()
}

async function attempt(check: Check, subject: Subject, idleSession: IdleSession): Promise<Result> {
  const start = performance.now()
  let reason: string | undefined
  if (await idleSession.answers()) {
    const deaths = idleSession.deaths
    reason = await runCheck(check, subject).then(
      () => undefined,
      (error: unknown) => explained(error),
    )
    // a process that dies takes a moment to
    await pass(check.hostile ? 20 : 0)
    if (idleSession.deaths > deaths) reason = 'the server has died'
  } else {
    reason = 'no server answers'
  }
  return { check, reason, took: performance.now() - start }
}

function explained(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const line = message.split('\n')[0] ?? ''
  return error instanceof Failure
    ? line
    : `${error instanceof Error ? error.name : 'Error'}: ${line}`
}
