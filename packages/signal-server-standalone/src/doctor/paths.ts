import { randomUUID } from 'node:crypto'
import { connectionPath, introductionPath } from 'signal-server-protocol'
import type { Probe, Peer } from './probe.js'
import type { Report } from './report.js'
import type { ProbeClient } from './clients.js'

const name = 'paths'

// what proxies decode, encode again, or take for a part of the path
const characters = { 'a slash': '/', 'a percent sign': '%', 'an emoji': '🐟' }

const advice = [
  'A proxy in front changes paths before it passes them on. nginx: write proxy_pass without a path, not even a slash behind the port (proxy_pass http://127.0.0.1:8080;). If the server is below a path, give it the same one (BASE_PATH=/signal) and do not let the proxy take it off.',
  'Apache: AllowEncodedSlashes NoDecode, and nocanon behind ProxyPass.',
]

/** Whether ids and keys arrive as they were sent: they may be any text. */
export async function paths(probe: Probe, client: ProbeClient, report: Report): Promise<void> {
  const results = await Promise.all(
    Object.entries(characters).map(async ([what, character]) => {
      const failure = await fails(probe, client, character)
      return failure === undefined ? [] : [`${what} (${failure})`]
    }),
  )
  const wrong = results.flat()
  if (wrong.length === 0) {
    report.good(name, 'slashes, percent signs and emoji in ids and keys arrive unchanged')
  } else {
    const sentence = `Peers do not meet if an id or key has ${wrong.join(', or ')}.`
    report.bad(name, sentence, ...advice)
  }
}

/** What goes wrong for two peers whose ids and key have a character; undefined if nothing does. */
async function fails(
  probe: Probe,
  { key, exactKey }: ProbeClient,
  character: string,
): Promise<string | undefined> {
  const [id, otherId] = [0, 1].map((n) => `${n}${character}${randomUUID()}`) as [string, string]
  const shared = exactKey ? key : `${key}${character}x`
  const peers: Peer[] = []
  const open = async (path: string, v1: boolean) => {
    const peer = await probe.open(path, v1)
    peers.push(peer)
    return peer
  }
  try {
    const { id: told } = await (await open(introductionPath(id), true)).nextOf('Welcome')
    if (told !== id) return 'it arrives as another id'
    const first = await open(connectionPath(id, otherId, shared), false)
    first.send('here')
    const second = await open(connectionPath(otherId, id, shared), false)
    await second.next()
    return undefined
  } catch (error) {
    return (error as Error).message
  } finally {
    for (const peer of peers) peer.end()
  }
}
