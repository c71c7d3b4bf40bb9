import { call, relayWs, rtc } from 'signal-webrtc'
import { clientFrame } from 'signal-test-kit'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { Client, type Fields } from '../../signal-server/test/harness/client.js'
import { RawSocket } from '../../signal-server/test/harness/raw-socket.js'
import { measured } from './harness/measured.js'
import { Served } from './harness/serve.js'
import { identify, ls, names, next, register } from './harness/talk.js'

/** Clients that read everything and say nothing of their own accord. */
async function crowd(port: number, path: string, count: number, hello: (n: number) => Fields) {
  const sockets: RawSocket[] = []
  for (let n = 0; n < count; n++) {
    const raw = await RawSocket.upgrade(port, path)
    onTestFinished(() => {
      raw.socket.destroy()
    })
    raw.write(clientFrame(1, JSON.stringify(hello(n))))
    sockets.push(raw)
  }
  return sockets
}

const bursts = [
  {
    what: 'that say who they are, under another id each time',
    path: '/rtc',
    hello: (n: number) => ({ type: 'identify', data: { id: `peer ${n}`, name: 'a name' } }),
    message: (n: number, i: number) => ({
      type: 'identify',
      data: { id: `peer ${n} ${i}`, name: 'a name' },
    }),
  },
  {
    what: 'that change their names',
    path: '/rtc',
    hello: (n: number) => ({ type: 'identify', data: { id: `peer ${n}`, name: 'a name' } }),
    message: (n: number, i: number) => ({
      type: 'identify',
      data: { id: `peer ${n}`, name: `name ${i}` },
    }),
  },
  {
    what: 'that list all names',
    path: '/call',
    hello: (n: number) => ({ id: 'register', name: `${n} ${'x'.repeat(100)}` }),
    message: () => ({ id: 'list' }),
  },
]

test.each(bursts)(
  'row 52: $path: a burst of clients $what keeps nobody waiting',
  async ({ path, hello, message }) => {
    const { port, longestTurn } = await measured()
    const clients = await crowd(port, path, 300, hello)
    const bystander = await Client.open(`ws://127.0.0.1:${port}${path}`)
    onTestFinished(() => bystander.ws.terminate())
    await bystander.settled()
    await longestTurn()
    // what one client asks for takes so long, among so many
    clients[0]!.write(clientFrame(1, JSON.stringify(message(0, 1_000))))
    await bystander.settled()
    const calm = Math.max(await longestTurn(), 4)
    for (const [n, client] of clients.slice(0, 20).entries()) {
      const all = Array.from({ length: 200 }, (_, i) => JSON.stringify(message(n, i)))
      client.write(Buffer.concat(all.map((text) => clientFrame(1, text))))
    }
    for (let n = 0; n < 50; n++) await bystander.settled()
    expect(await longestTurn()).toBeLessThan(25 * calm)
  },
  60_000,
)

test('row 52: /rtc: of a storm of names the others get the last one, and few before it', async () => {
  const { port } = await measured()
  const clients = await crowd(port, '/rtc', 300, bursts[1]!.hello)
  const bystander = await Client.open(`ws://127.0.0.1:${port}/rtc`)
  onTestFinished(() => bystander.ws.terminate())
  await identify(bystander, 'bystander', '')
  const all = Array.from({ length: 500 }, (_, i) => JSON.stringify(bursts[1]!.message(0, i)))
  clients[0]!.write(Buffer.concat(all.map((text) => clientFrame(1, text))))
  const told = () => bystander.seen.filter(({ text }) => text.includes('"name":"name '))
  await eventually(() => told().at(-1)?.text.includes('"name 499"') ?? false, 'the last name')
  expect(told().length).toBeLessThan(100)
}, 60_000)

test('row 49: many requests at the same time keep nobody waiting', async () => {
  const { port, longestTurn } = await measured()
  const sockets = await Promise.all(Array.from({ length: 500 }, () => RawSocket.open(port)))
  const ask = (some: RawSocket[]) => {
    for (const socket of some) socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    return Promise.all(some.map((socket) => socket.response()))
  }
  // what is compiled at first is not what is measured
  await ask(sockets.slice(0, 100))
  await longestTurn()
  await ask(sockets.slice(0, 1))
  const calm = Math.max(await longestTurn(), 4)
  await ask(sockets)
  expect(await longestTurn()).toBeLessThan(25 * calm)
})

test('row 52: /call: a list counts as much as its bytes do', async () => {
  const rate = { messagesPerSecond: 20, messagesBurst: 40 }
  const served = await Served.start(call(rate))
  for (let n = 0; n < 60; n++) {
    await register(await served.client('/call'), `${n} ${'x'.repeat(250)}`)
  }
  const asker = await served.client('/call')
  const start = performance.now()
  // 15 KB each, which is 4 messages: 80 of them, 40 of which are free
  for (let n = 0; n < 20; n++) asker.send({ id: 'list' })
  for (let n = 0; n < 20; n++) await next(asker, { id: 'listResponse' })
  expect(performance.now() - start).toBeGreaterThan(1_500)
})

test('row 52: /rtc: telling many counts as much as its bytes do, for the one that is told of', async () => {
  const rate = { messagesPerSecond: 20, messagesBurst: 40 }
  const served = await Served.start(rtc({ ...rate, version: '1' }))
  const others = await Promise.all(Array.from({ length: 100 }, () => served.client('/rtc')))
  for (const [n, other] of others.entries()) await identify(other, `other ${n}`, 'x'.repeat(250))
  const client = await served.client('/rtc')
  const start = performance.now()
  for (let n = 0; n < 8; n++) await identify(client, `${n}`, 'x'.repeat(250))
  // each is 100 removals and 100 arrivals of some 380 bytes, and a list as long
  expect(performance.now() - start).toBeGreaterThan(1_500)
})

test('row 52: a client that does not read its lists is answered no more, and not ended at once', async () => {
  const served = await Served.start(call({ messagesBurst: 1e9 }), { maxQueuedBytes: 400_000 })
  for (let n = 0; n < 60; n++) {
    await register(await served.client('/call'), `${n} ${'x'.repeat(250)}`)
  }
  const mute = await RawSocket.upgrade(served.port, '/call')
  mute.socket.pause()
  // many times what the kernel takes
  for (let n = 0; n < 2_000; n++) mute.write(clientFrame(1, '{"id":"list"}'))
  await eventually(() => served.server.stats().bufferedBytes > 100_000, 'a full queue')
  const bystander = await served.client('/call')
  for (let n = 0; n < 20; n++) await names(bystander)
  expect(served.stats('call').clients).toBe(62)
  expect(served.server.stats().bufferedBytes).toBeLessThan(400_000)
  mute.socket.resume()
  for (let answers = 0; answers < 2_000; answers++) expect(await mute.json()).toHaveProperty('list')
}, 30_000)

test('row 50: small answers that are not read count with what they really cost, until the socket is gone', async () => {
  const served = await Served.start(call({ messagesBurst: 1e9 }), { maxQueuedBytes: 16 * 2 ** 20 })
  for (let n = 0; n < 60; n++) {
    await register(await served.client('/call'), `${n} ${'x'.repeat(250)}`)
  }
  const mute = await RawSocket.upgrade(served.port, '/call')
  mute.socket.pause()
  const held = () => served.server.stats().bufferedBytes
  const list = clientFrame(1, '{"id":"list"}')
  await eventually(() => {
    for (let n = 0; n < 20; n++) mute.write(list)
    return held() > 200_000
  }, 'a full queue')
  const bystander = await served.client('/call')
  await bystander.settled()
  const before = held()
  for (let n = 0; n < 2_000; n++) mute.write(clientFrame(1, '{"id":"ping"}'))
  await eventually(() => held() - before > 2_000 * 500, 'their cost')
  mute.reset()
  await eventually(() => held() < 10_000, 'nothing that waits')
}, 30_000)

test('row 52: lists are right whoever has come or gone, and leave out the one that asks', async () => {
  const served = await Served.start(relayWs())
  const clients: Client[] = []
  const ids = new Map<Client, string>()
  for (let n = 0; n < 5; n++) {
    const before = new Set(ids.values())
    const client = await served.client('/relay-ws')
    for (const other of clients.slice(0, 1)) {
      const own = (await ls(other)).find((id) => !before.has(id))
      if (own !== undefined) ids.set(client, own)
    }
    clients.push(client)
  }
  const [first] = clients
  ids.set(first!, (await ls(clients[1]!))[0]!)
  const expected = (asker: Client) =>
    clients.filter((client) => client !== asker).map((client) => ids.get(client)!)
  for (const asker of clients) expect(await ls(asker)).toEqual(expected(asker))
  clients[2]!.send({ type: 'leave' })
  await clients[2]!.settled()
  const left = clients.splice(2, 1)[0]!
  for (const asker of clients) expect(await ls(asker)).toEqual(expected(asker))
  // one that has left sees all
  expect(await ls(left)).toEqual(clients.map((client) => ids.get(client)))
  while (clients.length > 1) await clients.pop()!.close()
  await eventually(async () => (await ls(first!)).length === 0, 'an empty list')
})
