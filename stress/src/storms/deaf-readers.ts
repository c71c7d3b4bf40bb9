import { Opcode } from 'signal-test-kit'
import { plainFrame, repeated, textFrame } from '../clients/frames.js'
import { deafPairs } from '../clients/deaf-pairs.js'
import { crowd, RawClient } from '../clients/raw-client.js'
import { request } from '../clients/plain-http.js'
import { pause, type Storm } from './storm.js'

// Clients that ask and read nothing, on every endpoint.

/** Requests with answers that grow, by clients that read none of them. */
const asking: Storm = {
  name: 'deaf-clients',
  row: 50,
  async run(target, _random, size) {
    const list = [
      ['/relay-ws', { type: 'ls' }],
      ['/call', { id: 'list' }],
      ['/rtc', { type: 'identify', data: { id: 'deaf-*', name: '' } }],
      ['/introduction/deaf-*', { type: 'Ping' }],
      ['/introduction/deaf-*', { type: 'Join', join: ['deaf'] }],
    ] as const
    const clients = await crowd(250 * size, async (i) => {
      const [path, message] = list[i % list.length]!
      const client = await RawClient.open(target, path.replace('*', `${i}`), {
        deaf: true,
        v1: true,
      })
      const text = JSON.stringify(message).replace('*', `${i}`)
      client.write(repeated(textFrame(text), 200))
      return client
    })
    await pause(3_000)
    return { held: clients }
  },
}

/** Pairs of which one reads nothing while the other sends. */
const pairs: Storm = {
  name: 'deaf-pairs',
  row: 32,
  async run(target, random, size) {
    const { readers, senders } = await deafPairs(target, Math.ceil(60 * size), 'pairs')
    const until = Date.now() + 3_000
    const bytes = Buffer.alloc(random.pick([0, 1, 100, 60_000]))
    const frame = plainFrame(Opcode.binary, bytes)
    const chunk = repeated(frame, Math.max(1, Math.floor(60_000 / frame.length)))
    await Promise.all(senders.map((sender) => sender.pour(chunk, 1_000, until)))
    return { held: [...readers, ...senders] }
  },
}

const pollingPath = '/socket.io/?EIO=4&transport=polling'

/** Clients by long polling that ask on and on, and never poll for an answer. */
const pollers: Storm = {
  name: 'deaf-pollers',
  row: 52,
  async run(target, _random, size) {
    const { token } = target
    const ask = `42${JSON.stringify(['auth-request', { token, payload: 'x'.repeat(1_000) }])}`
    const said = Array<string>(30).fill(ask).join('\x1e')
    const one = async () => {
      const sid = /"sid":"([^"]+)"/.exec(await request(target, 'GET', pollingPath))?.[1]
      if (sid === undefined) return
      const post = (body: string) =>
        request(target, 'POST', `${pollingPath}&sid=${sid}`, body, 'text/plain')
      await post(`40${JSON.stringify({ token })}`)
      for (let i = 0; i < 10; i++) await post(said)
    }
    await Promise.all(Array.from({ length: 100 * size }, one))
    return {}
  },
}

export const deafReaders: readonly Storm[] = [asking, pairs, pollers]
