import { repeated } from '../clients/frames.js'
import { requestHead } from '../clients/plain-http.js'
import { crowd, RawClient } from '../clients/raw-client.js'
import type { Target } from '../target.js'
import { hoardedSockets } from './hoards.js'
import { pause, type Storm } from './storm.js'

// beside the sockets that there may be, so many connections are answered once
const most = hoardedSockets + 256

const connection = (target: Target) => Promise.resolve(new RawClient(target))

/** Requests one behind the other, whose answers nobody reads. */
const pipelined: Storm = {
  name: 'pipelined-gets',
  row: 49,
  async run(target, random, size) {
    const paths = ['/', '/socket.io/socket.io.js', '/ice-servers', '/x']
    const path = size === 1 ? '/' : random.pick(paths)
    const bytes = repeated(Buffer.from(requestHead(target, 'GET', path)), 1_700 * size)
    const clients = await crowd(40, () => connection(target))
    for (const client of clients) {
      client.deafen()
      client.write(bytes)
    }
    await pause(4_000)
    return { held: clients }
  },
}

/** Connections that have asked once, and stay. */
const hoard: Storm = {
  name: 'keep-alive-hoard',
  row: 49,
  async run(target, _random, size) {
    const clients = await crowd((hoardedSockets + 500) * size, async () => {
      const client = await connection(target)
      client.write(Buffer.from(requestHead(target, 'GET', '/healthz')))
      await client.hears(/\r\n\r\n/).catch(() => {})
      return client
    })
    // the end of a connection comes after the answer
    await pause(500)
    const open = clients.filter((client) => client.open).length
    const fault = `${open} connections are kept, and there may be ${hoardedSockets}.`
    return { held: clients, faults: open > most ? [fault] : [] }
  },
}

/** Requests whose head or body never ends. */
const halfSent: Storm = {
  name: 'half-sent-requests',
  row: 7,
  async run(target, random, size) {
    const clients = await crowd(500 * size, async () => {
      const client = await connection(target)
      const path = random.pick([
        '/app',
        '/socket.io/?EIO=4&transport=polling',
        '/introduction/x',
        '/',
      ])
      const type = random.pick([
        'application/json',
        'application/x-www-form-urlencoded',
        'text/plain',
      ])
      const fields = { 'Content-Type': type, 'Content-Length': '16000' }
      const head = requestHead(target, random.pick(['POST', 'GET', 'DELETE']), path, fields)
      const body = 'x'.repeat(random.below(8_000))
      const bytes = Buffer.from(head + body)
      client.write(bytes.subarray(0, 1 + random.below(bytes.length)))
      return client
    })
    await pause(500)
    return { held: clients }
  },
}

export const plainHttp: readonly Storm[] = [pipelined, hoard, halfSent]
