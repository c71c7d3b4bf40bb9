import { introductionPath } from 'signal-server-protocol'
import { iceServers } from './ice.js'
import { origins, proxy } from './exposure.js'
import { paths } from './paths.js'
import { idle, introduce, pipe } from './pair.js'
import { Probe } from './probe.js'
import { http, reach, tls } from './reach.js'
import { Report } from './report.js'
import { upgrade } from './upgrade.js'
import { probeClientFor, type ProbeClient } from './clients.js'

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
  const probe = new Probe(url, token)
  report.title(probe.url)
  const client = probeClientFor(token)
  const open =
    (await reach(probe, report)) &&
    (await tls(probe, report)) &&
    (await http(probe, report)) &&
    (await upgrade(probe, client, report))
  if (open) {
    await pair(probe, client, long, report)
    await iceServers(probe, report)
    await origins(probe, introductionPath(client.id), report)
    await proxy(probe, report)
  }
  report.conclude()
  return report.problems === 0 ? 0 : 1
}

async function pair(
  probe: Probe,
  client: ProbeClient,
  long: boolean,
  report: Report,
): Promise<void> {
  if (client.alone) {
    const why = 'the token is for one id, and two peers are needed: give me one that is for all'
    return report.note('two peers', `not looked at: ${why}`)
  }
  const introductions = await introduce(probe, client, report)
  const joined = await pipe(probe, client, report)
  if (introductions && joined) {
    await paths(probe, client, report)
    if (long) await idle({ introductions, pipe: joined }, idleTime, report)
    else report.note('idling', 'not looked at: --long does, and takes a minute')
  }
  for (const peer of [...(introductions ?? []), ...(joined ?? [])]) peer.end()
}
