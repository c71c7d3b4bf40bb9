import { repeated, textFrame } from '../clients/frames.js'
import { crowd, RawClient } from '../clients/raw-client.js'
import { pause, type Storm } from './storm.js'

// Bursts of requests whose answers cost much, by some of a thousand clients.

interface Burst {
  name: string
  path: string
  /** All clients, and those of them that send. */
  clients: number
  senders: number
  /** What makes a client known. */
  hello?: (i: number) => object
  /** What the senders send again and again. */
  request: (i: number) => object
  times: number
}

function burst({ name, path, clients: count, senders, hello, request, times }: Burst): Storm {
  return {
    name,
    row: 52,
    async run(target, _random, size) {
      const clients = await crowd(Math.floor(count * size), async (i) => {
        const client = await RawClient.open(target, path)
        if (hello) client.json(hello(i))
        return client
      })
      await pause(500)
      const some = clients.slice(0, Math.ceil(senders * size))
      some.forEach((client, i) => {
        client.write(repeated(textFrame(JSON.stringify(request(i))), times))
      })
      await pause(5_000)
      return { held: clients }
    },
  }
}

const identify = (i: number) => ({ type: 'identify', data: { id: `crowd-${i}`, name: `C${i}` } })
const register = (i: number) => ({ id: 'register', name: `crowd-${i}` })

const joins: Storm = {
  name: 'bursts-join',
  row: 18,
  async run(target, _random, size) {
    const clients = await crowd(200 * size, (i) =>
      RawClient.open(target, `/introduction/crowd-${i}`),
    )
    const join = textFrame(JSON.stringify({ type: 'Join', join: ['crowd'] }))
    const leave = textFrame(JSON.stringify({ type: 'Leave', leave: ['crowd'] }))
    for (const client of clients) client.write(repeated(Buffer.concat([join, leave]), 500))
    await pause(3_000)
    return { held: clients }
  },
}

const rooms: Storm = {
  name: 'bursts-auth-request',
  row: 52,
  async run(target, _random, size) {
    const clients = await crowd(200 * size, async () => {
      const client = await RawClient.open(target, '/socket.io/?EIO=4&transport=websocket')
      client.text(`40${JSON.stringify({ token: target.token })}`)
      return client
    })
    await pause(500)
    const ask = textFrame(`42${JSON.stringify(['auth-request', { token: target.token }])}`)
    for (const client of clients) client.write(repeated(ask, 900))
    await pause(3_000)
    return { held: clients }
  },
}

export const bursts: readonly Storm[] = [
  burst({
    name: 'bursts-identify',
    path: '/rtc',
    clients: 990,
    senders: 40,
    hello: identify,
    request: identify,
    times: 1_000,
  }),
  burst({
    name: 'bursts-ls',
    path: '/relay-ws',
    clients: 990,
    senders: 100,
    request: () => ({ type: 'ls' }),
    times: 1_000,
  }),
  burst({
    name: 'bursts-register',
    path: '/call',
    clients: 990,
    senders: 100,
    hello: register,
    request: register,
    times: 1_000,
  }),
  burst({
    name: 'bursts-list',
    path: '/call',
    clients: 990,
    senders: 100,
    hello: register,
    request: () => ({ id: 'list' }),
    times: 1_000,
  }),
  joins,
  rooms,
]
