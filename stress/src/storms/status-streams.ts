import { requestHead } from '../clients/plain-http.js'
import { crowd, RawClient } from '../clients/raw-client.js'
import { memoryOf } from '../server/memory.js'
import { eightFrom, from, type Target } from '../target.js'
import { commandStorm } from './command-storm.js'
import { pause, type Storm } from './storm.js'

// Streams of the status page (server-sent events), which only the command has.

/** A stream that has begun, or was refused. */
async function stream(target: Target): Promise<RawClient> {
  const client = new RawClient(target)
  client.write(Buffer.from(requestHead(target, 'GET', '/status')))
  await client.hears(/event: hello|HTTP\/1.1 (?!200)/).catch(() => {})
  return client
}

/**
 * A newcomer asks again, as its page does, until those before it have had the time of a slow network.
 * @returns what is wrong if it gets no stream
 */
async function greet(target: Target): Promise<string[]> {
  for (let attempt = 0; attempt < 8; attempt++) {
    const newcomer = await stream(from(target, '198.51.100.3'))
    if (newcomer.heard.includes('event: hello')) return []
    await pause(1_000)
  }
  return ['Newcomer, status page: no stream is left for it.']
}

/** One address takes all of them. */
const hoard = commandStorm({
  name: 'hoard-streams',
  row: 51,
  async attack({ log, target, size }) {
    log?.resume()
    await crowd(120 * size, () => stream(target))
    return greet(target)
  },
})

const mostMemory = 64 * 2 ** 20

/** Eight addresses open one stream after the other, and read none of them. */
const deaf = commandStorm({
  name: 'deaf-streams',
  row: 49,
  async attack({ server, log, target, size }) {
    log?.resume()
    const eight = eightFrom(target)
    const head = (i: number) => Buffer.from(requestHead(eight[i % 8]!, 'GET', '/status'))
    const before = memoryOf(server.pid)?.now ?? NaN
    await crowd(1_000 * size, (i) => {
      const client = new RawClient(target)
      client.deafen()
      client.write(head(i))
      return Promise.resolve(client)
    })
    await pause(3_000)
    await server.report()
    const more = (memoryOf(server.pid)?.now ?? NaN) - before
    const grown = `Memory: streams that nobody reads cost ${Math.round(more / 1e6)} MB.`
    return [...(more > mostMemory ? [grown] : []), ...(await greet(target))]
  },
})

export const statusStreams: readonly Storm[] = [hoard, deaf]
