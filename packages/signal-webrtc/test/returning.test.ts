import { LocalBus, type SignalServerOptions } from 'signal-server'
import { FaultyBus } from 'signal-server/testing'
import { call, rtc, type JsonEndpointOptions } from 'signal-webrtc'
import { clientFrame, type Frame } from 'signal-test-kit'
import { expect, onTestFinished, test } from 'vitest'
import type { Client, Fields } from '../../signal-server/test/harness/client.js'
import { RawSocket } from '../../signal-server/test/harness/raw-socket.js'
import { Served } from './harness/serve.js'
import { identify, lists, names, next, peer, register } from './harness/talk.js'

/** A client of either protocol that wants a name which another one may have. */
const protocols = [
  {
    name: 'call',
    path: '/call',
    endpoint: call,
    claim: (id: string): Fields => ({ id: 'register', name: id }),
    /** Whether it got the name. */
    async got(client: Client): Promise<boolean> {
      return (await next(client, { id: 'registerResponse' })).response === 'accepted'
    },
  },
  {
    name: 'rtc',
    path: '/rtc',
    endpoint: (options?: JsonEndpointOptions) => rtc({ ...options, version: '1' }),
    claim: (id: string): Fields => ({ type: 'identify', data: { id, name: id } }),
    async got(client: Client): Promise<boolean> {
      // asked behind the claim: only a client that has an id may send, and nobody is called so
      client.send({ type: 'offer', data: { target: 'nobody' } })
      const { data } = await next(client, { type: 'error' })
      if ((data as Fields).code === 'unknown_peer') return true
      await next(client, { type: 'error' })
      return false
    },
  },
]

type Protocol = (typeof protocols)[number]

/** A client that has a name and answers nothing by itself, as behind a network that is gone. */
async function holder(served: Served, { path, claim }: Protocol, id: string): Promise<RawSocket> {
  const raw = await RawSocket.upgrade(served.port, path)
  onTestFinished(() => {
    raw.socket.destroy()
  })
  raw.write(clientFrame(1, JSON.stringify(claim(id))))
  raw.write(clientFrame(9, 'settled'))
  for (let frame; (frame = await raw.frame()).opcode !== 0xa || !isText(frame, 'settled'););
  return raw
}

const isText = ({ payload }: Frame, text: string) => payload.toString() === text

async function ping(raw: RawSocket): Promise<Frame> {
  for (let frame; (frame = await raw.frame('a ping'));) if (frame.opcode === 9) return frame
  throw new Error('no ping')
}

const start = ({ endpoint }: Protocol, options?: SignalServerOptions) =>
  Served.start(endpoint(), options)

test.each(protocols)(
  'row 62: $name: a client that comes back has its name in 3 s, while its old socket is silent',
  async (protocol) => {
    const served = await start(protocol)
    const old = await holder(served, protocol, 'alice')
    const back = await served.client(protocol.path)
    back.send(protocol.claim('alice'))
    expect(await protocol.got(back)).toBe(true)
    await old.ended
    expect(served.outcomes().half_open).toBe(1)
    expect(served.stats(protocol.name)).toMatchObject({ clients: 1, peers: 1 })
  },
)

test.each(protocols)(
  'row 62: $name: a holder that shows life keeps its name, whatever it shows',
  async (protocol) => {
    const served = await start(protocol)
    const old = await holder(served, protocol, 'alice')
    const other = await served.client(protocol.path)
    // an answer to the ping; or the first byte of a message, which says less and is enough
    for (const sign of [clientFrame(0xa), clientFrame(1, '{}').subarray(0, 1)]) {
      other.send(protocol.claim('alice'))
      await ping(old)
      old.write(sign)
      expect(await protocol.got(other)).toBe(false)
    }
    expect(served.outcomes().half_open).toBe(0)
  },
)

test.each(protocols)(
  'row 62: $name: many who ask for a name cause one ping, and its holder is left alone',
  async (protocol) => {
    const served = await start(protocol)
    const old = await holder(served, protocol, 'alice')
    const others = await Promise.all(Array.from({ length: 20 }, () => served.client(protocol.path)))
    for (const other of others) for (let n = 0; n < 2; n++) other.send(protocol.claim('alice'))
    await ping(old)
    const bystander = await served.client(protocol.path)
    await bystander.settled()
    expect(old.unread).toBe(0)
    old.write(clientFrame(0xa))
    // the second claims of all of them are one question as well
    await ping(old)
    old.write(clientFrame(0xa))
    for (const other of others) {
      for (let n = 0; n < 2; n++) expect(await protocol.got(other)).toBe(false)
    }
    expect(old.unread).toBe(0)
    expect(served.stats(protocol.name).peers).toBe(1)
  },
)

test.each(protocols)(
  'row 62: $name: a holder that is not read at the moment is not judged by its silence',
  async (protocol) => {
    const rate = { messagesPerSecond: 0.1, messagesBurst: 5 }
    const served = await Served.start(protocol.endpoint(rate))
    const old = await holder(served, protocol, 'alice')
    for (let n = 0; n < 10; n++) old.write(clientFrame(1, '{}'))
    // the one that is refused is the last that is looked at
    const other = await served.client(protocol.path)
    await other.settled()
    while (served.outcomes().bad_message < 4) await other.settled()
    const second = await served.client(protocol.path)
    second.send(protocol.claim('alice'))
    expect(await protocol.got(second)).toBe(false)
    expect(served.outcomes().half_open).toBe(0)
  },
)

/** Two servers on one bus, and a client of the first that has a name. */
async function onTwoInstances(protocol: Protocol) {
  const bus = new FaultyBus(new LocalBus())
  const [one, other] = [await start(protocol, { bus }), await start(protocol, { bus })]
  const old = await holder(one, protocol, 'alice')
  const back = await other.client(protocol.path)
  return { bus, one, other, old, back }
}

test('row 62: call: the instance of a silent holder gives its name to a client of another', async () => {
  const { one, other, old, back } = await onTwoInstances(protocols[0]!)
  const bob = await other.client('/call')
  await register(bob, 'bob')
  await lists(() => names(bob), ['alice', 'bob'])
  expect(await register(back, 'alice')).toBe('accepted')
  await old.ended
  await lists(() => names(bob), ['alice', 'bob'])
  expect(one.stats('call').peers).toBe(0)
})

test('row 62: call: a holder that lives keeps its name from clients of other instances', async () => {
  const { other, old, back } = await onTwoInstances(protocols[0]!)
  await lists(() => names(back), ['alice'])
  const others = await Promise.all(Array.from({ length: 10 }, () => other.client('/call')))
  const answers = Promise.all(others.map((client) => register(client, 'alice')))
  await ping(old)
  old.write(clientFrame(0xa))
  expect(new Set(await answers)).toEqual(new Set(['rejected']))
  await back.settled()
  expect(old.unread).toBe(0)
})

test('row 62: call: while the bus is down a name of another instance is refused at once', async () => {
  const { bus, old, back } = await onTwoInstances(protocols[0]!)
  await lists(() => names(back), ['alice'])
  bus.cut()
  expect(await register(back, 'alice')).toBe('rejected')
  expect(old.unread).toBe(0)
})

test('row 62: rtc: the others hear that the old one is gone, and then of the one that is back', async () => {
  const served = await start(protocols[1]!)
  await holder(served, protocols[1]!, 'alice')
  const bob = await served.client('/rtc')
  await identify(bob, 'bob', 'Bob')
  await peer(bob, 'alice')
  const back = await served.client('/rtc')
  back.send({ type: 'identify', data: { id: 'alice', name: 'Alice again' } })
  expect(await peer(bob, 'alice')).toEqual({ id: 'alice', name: 'alice', remove: true })
  expect(await peer(bob, 'alice')).toEqual({ id: 'alice', name: 'Alice again' })
  expect(await peer(back, 'bob')).toEqual({ id: 'bob', name: 'Bob' })
})
