import { introductionPath } from 'signal-protocol'
import { iceServers } from './ice.js'
import { origins, proxy } from './exposure.js'
import { paths } from './paths.js'
import { idle, introduce, pipe } from './pair.js'
import { Patient } from './patient.js'
import { http, reach, tls } from './reach.js'
import { Report } from './report.js'
import { upgrade } from './upgrade.js'
import { visitorFor, type Visitor } from './visitors.js'

/** What to look at. */
export interface DoctorOptions {
  token?: string
  /** Also a minute of idling. */
  long: boolean
}

// longer than the minute after which most proxies cut what is idle
const idleTime = 61_000

/**
 * Looks at a server from outside, as its clients do, and says what is wrong.
 * @returns the exit code: 0 where all is well
 */
export async function doctor(
  url: URL,
  { token, long }: DoctorOptions,
  print: (text: string) => void,
): Promise<number> {
  const report = new Report(print, process.stdout.isTTY)
  const patient = new Patient(url, token)
  report.title(patient.url)
  const visitor = visitorFor(token)
  const open =
    (await reach(patient, report)) &&
    (await tls(patient, report)) &&
    (await http(patient, report)) &&
    (await upgrade(patient, visitor, report))
  if (open) {
    await pair(patient, visitor, long, report)
    await iceServers(patient, report)
    await origins(patient, introductionPath(visitor.id), report)
    await proxy(patient, report)
  }
  report.conclude()
  return report.problems === 0 ? 0 : 1
}

async function pair(
  patient: Patient,
  visitor: Visitor,
  long: boolean,
  report: Report,
): Promise<void> {
  if (visitor.alone) {
    const why = 'the token is for one id, and two peers are needed: give me one that is for all'
    return report.note('two peers', `not looked at: ${why}`)
  }
  const introductions = await introduce(patient, visitor, report)
  const joined = await pipe(patient, visitor, report)
  if (introductions && joined) {
    await paths(patient, visitor, report)
    if (long) await idle({ introductions, pipe: joined }, idleTime, report)
    else report.note('idling', 'not looked at: --long does, and takes a minute')
  }
  for (const peer of [...(introductions ?? []), ...(joined ?? [])]) peer.end()
}
