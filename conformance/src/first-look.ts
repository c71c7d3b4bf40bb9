import { within } from './arrivals.js'
import { ALL } from './dialects.js'
import { Failure } from './failure.js'
import { Scene, type Subject } from './scene.js'

/**
 * Looks whether a server answers, and finds a dialect that it introduces peers in: where a check is
 * about something else, its clients speak that, so that a server that lacks one dialect does not
 * fail in everything. It is v0 where there is none.
 *
 * @throws Failure where no server answers, or not with 101
 */
export async function firstLook(first: string, second: string): Promise<Subject> {
  const subject: Subject = { first, second, common: ALL[0] }
  await expectAnswers(subject)
  for (const common of ALL)
    if (await introduces({ first, second, common })) return { first, second, common }
  return subject
}

async function expectAnswers(subject: Subject): Promise<void> {
  const scene = new Scene(subject)
  try {
    for (const url of ['first', 'second'] as const) {
      await scene[url].introduction(scene.unique(), 'any').catch((error: unknown) => {
        throw new Failure(`No server answers at ${subject[url]} (${(error as Error).message}).`)
      })
    }
  } finally {
    scene.end()
  }
}

async function introduces(subject: Subject): Promise<boolean> {
  const scene = new Scene(subject)
  try {
    const key = scene.unique('key')
    const alice = await scene.first.peer('any', scene.unique('alice'), key)
    const bob = await scene.second.peer('any', scene.unique('bob'), key)
    await within(Promise.all([alice.introducedTo(bob), bob.introducedTo(alice)]), '', 2_000)
    return true
  } catch {
    return false
  } finally {
    scene.end()
  }
}
