import { Tokens } from 'signal-server'
import { call, relayWs, rtc, type JsonEndpointOptions } from 'signal-webrtc'
import { clientFrame } from 'signal-test-kit'
import { expect, test } from 'vitest'
import { RawSocket } from '../../signal-server/test/harness/raw-socket.js'
import type { Client, Fields } from '../../signal-server/test/harness/client.js'
import { Served } from './harness/serve.js'

const tokens = new Tokens({ secret: 'a secret of at least thirty-two bytes' })

/** What is the same for every protocol in JSON, in the words of each. */
const protocols = [
  {
    name: 'relay-ws',
    path: '/relay-ws',
    endpoint: relayWs,
    question: { type: 'ls' },
    isAnswer: ({ type }: Fields) => type === 'ls',
    errorOf: ({ type, code }: Fields) => (type === 'error' ? code : undefined),
  },
  {
    name: 'rtc',
    path: '/rtc',
    endpoint: (options?: JsonEndpointOptions) => rtc({ ...options, version: '1' }),
    question: { type: 'offer', data: { target: 'nobody' } },
    isAnswer: ({ data }: Fields) =>
      ['forbidden', 'unknown_peer'].includes(String((data as Fields | undefined)?.code)),
    errorOf: ({ type, data }: Fields) => (type === 'error' ? (data as Fields).code : undefined),
  },
  {
    name: 'call',
    path: '/call',
    endpoint: call,
    question: { id: 'ping' },
    isAnswer: ({ id }: Fields) => id === 'pong',
    errorOf: ({ id, code }: Fields) => (id === 'error' ? code : undefined),
  },
]

type Protocol = (typeof protocols)[number]

async function nextError(client: Client, { errorOf }: Protocol): Promise<unknown> {
  for (;;) {
    const code = errorOf(await client.json('an error'))
    if (code !== undefined) return code
  }
}

async function answered(client: Client, { question, isAnswer }: Protocol): Promise<void> {
  client.send(question)
  while (!isAnswer(await client.json('an answer')));
}

test.each(protocols)(
  '$name: what is no JSON object is an error, and ten of them end the client',
  async (protocol) => {
    const served = await Served.start(protocol.endpoint())
    const bystander = await served.client(protocol.path)
    const client = await served.client(protocol.path)
    const bad = ['', 'x', 'null', '[]', '7', '"text"', '{"a":', Buffer.from([0xff, 0xfe]), '{}']
    for (const message of bad) {
      client.send(message)
      expect(await nextError(client, protocol)).toBe('bad_message')
    }
    await answered(client, protocol)
    client.send('once more')
    expect(await client.closed).toMatchObject({ code: 4400 })
    expect(served.outcomes()).toMatchObject({ bad_message: 10, too_many_bad_messages: 1 })
    await answered(bystander, protocol)
    await bystander.close()
    await served.empty()
  },
)

test.each(protocols)('$name: JSON in a binary frame is read as well', async (protocol) => {
  const served = await Served.start(protocol.endpoint())
  const client = await served.client(protocol.path)
  client.send(Buffer.from(JSON.stringify(protocol.question)))
  while (!protocol.isAnswer(await client.json()));
})

test.each(protocols)(
  '$name: a message above the limit closes its client with 1009',
  async (protocol) => {
    const served = await Served.start(protocol.endpoint({ maxMessageBytes: 1_000 }))
    const client = await served.client(protocol.path)
    client.send({ ...protocol.question, more: 'x'.repeat(1_000) })
    expect(await client.closed).toMatchObject({ code: 1009 })
  },
)

test.each(protocols)('$name: a forbidden frame closes its client with 1002', async (protocol) => {
  const served = await Served.start(protocol.endpoint())
  const bystander = await served.client(protocol.path)
  const raw = await RawSocket.upgrade(served.port, protocol.path)
  raw.write(clientFrame(3, 'x'))
  expect(await raw.closeCode()).toBe(1002)
  await answered(bystander, protocol)
})

test.each(protocols)(
  '$name: nesting that cannot be written again is an error',
  async (protocol) => {
    const served = await Served.start(protocol.endpoint())
    const client = await served.client(protocol.path)
    const other = await served.client(protocol.path)
    const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`
    if (protocol.name === 'call') {
      client.send({ id: 'register', name: 'a' })
      other.send({ id: 'register', name: 'b' })
      await other.settled()
      client.send(`{"id":"call","to":"b","sdpOffer":${deep}}`)
      expect(await nextError(client, protocol)).toBe('bad_message')
    } else if (protocol.name === 'rtc') {
      client.send({ type: 'identify', data: { id: 'a', name: 'a' } })
      other.send({ type: 'identify', data: { id: 'b', name: 'b' } })
      await client.next('peer')
      client.send(`{"type":"offer","data":{"target":"b","sdp":${deep}}}`)
      expect(await nextError(client, protocol)).toBe('bad_message')
    } else {
      client.send(`{"type":"offer","to":"b","sdp":${deep}}`)
      expect(await nextError(client, protocol)).toBe('bad_message')
    }
    await answered(client, protocol)
  },
)

test.each(protocols)(
  '$name: a client that sends too fast is slowed, and in the end closed with 4429',
  async (protocol) => {
    const rate = { messagesPerSecond: 50, messagesBurst: 5 }
    const served = await Served.start(protocol.endpoint(rate), { slowedTimeout: 300 })
    const client = await served.client(protocol.path)
    const start = performance.now()
    for (let i = 0; i < 15; i++) client.send(protocol.question)
    for (let i = 0; i < 15;) if (protocol.isAnswer(await client.json())) i++
    // ten above the five that are free, at fifty a second
    expect(performance.now() - start).toBeGreaterThan(150)
    const sending = setInterval(() => client.send(protocol.question), 2)
    expect(await client.closed).toMatchObject({ code: 4429 })
    clearInterval(sending)
    expect(served.outcomes().rate_limited).toBe(1)
  },
)

test.each(protocols)('$name: a large message counts as several', async (protocol) => {
  const rate = { messagesPerSecond: 50, messagesBurst: 5 }
  const served = await Served.start(protocol.endpoint(rate))
  const client = await served.client(protocol.path)
  const start = performance.now()
  client.send({ ...protocol.question, more: 'x'.repeat(60_000) })
  while (!protocol.isAnswer(await client.json()));
  // it was answered at once, as ten more than are free; what comes next waits for that
  await answered(client, protocol)
  expect(performance.now() - start).toBeGreaterThan(150)
})

test.each(protocols)(
  '$name: a client that is silent is pinged, and given up when it stays so',
  async (protocol) => {
    const served = await Served.start(protocol.endpoint(), { pingInterval: 50, pongTimeout: 50 })
    const alive = await served.client(protocol.path)
    const dead = await RawSocket.upgrade(served.port, protocol.path)
    await dead.ended
    expect(served.outcomes().half_open).toBe(1)
    await answered(alive, protocol)
    expect(served.stats(protocol.name).clients).toBe(1)
  },
)

test.each(protocols)(
  '$name: row 51: an address gets an eighth of the seats, and is refused above that with 1013',
  async (protocol) => {
    const options = { trustProxy: 'loopback' }
    const served = await Served.start(protocol.endpoint({ maxClients: 16 }), options)
    const come = (address: string) =>
      served.client(protocol.path, [], { headers: { 'X-Forwarded-For': address } })
    const first = await come('203.0.113.1')
    await come('203.0.113.1')
    const third = await come('203.0.113.1')
    expect(await nextError(third, protocol)).toBe('room_full')
    expect(await third.closed).toMatchObject({ code: 1013 })
    await answered(await come('203.0.113.2'), protocol)
    await first.close()
    await expect.poll(() => served.stats(protocol.name).clients).toBe(2)
    await answered(await come('203.0.113.1'), protocol)
  },
)

test.each(protocols)(
  '$name: row 51: when all seats are taken, a newcomer gets that of the oldest',
  async (protocol) => {
    const options = { headersTimeout: 300 }
    const served = await Served.start(protocol.endpoint({ maxClients: 3 }), options)
    const oldest = await served.client(protocol.path)
    for (let n = 0; n < 2; n++) await served.client(protocol.path)
    const comes = async () => {
      const newcomer = await served.client(protocol.path)
      newcomer.send(protocol.question)
      const closed = newcomer.closed.then(() => true)
      const answer = answered(newcomer, protocol).then(() => false)
      return !(await Promise.race([closed, answer.catch(() => true)]))
    }
    await expect.poll(comes, { timeout: 5_000 }).toBe(true)
    expect(await oldest.closed).toMatchObject({ code: 1013 })
    await expect.poll(() => served.stats(protocol.name).clients).toBe(3)
  },
)

test.each(protocols)(
  '$name: where the server asks for a token, none gets in without one',
  async (protocol) => {
    const served = await Served.start(protocol.endpoint(), { authorize: tokens.authorize })
    await expect(served.client(protocol.path)).rejects.toThrow('401')
    const why = await fetch(served.http + protocol.path)
    expect(why.status).toBe(401)
    const token = await tokens.issue({ app: 'a' })
    const client = await served.client(`/t/${token}${protocol.path}`)
    await answered(client, protocol)
  },
)

test.each(protocols)(
  '$name: a client whose token is revoked is closed with 4401',
  async (protocol) => {
    const options = { authorize: tokens.authorize, pingInterval: 100 }
    const served = await Served.start(protocol.endpoint(), options)
    const token = await tokens.issue({ app: 'a' })
    const client = await served.client(`/t/${token}${protocol.path}`)
    tokens.revoke(token)
    expect(await client.closed).toMatchObject({ code: 4401 })
  },
)

test.each(protocols)('$name: a drained server closes its clients with 1012', async (protocol) => {
  const served = await Served.start(protocol.endpoint())
  const client = await served.client(protocol.path)
  await served.server.drain()
  expect(await client.closed).toMatchObject({ code: 1012 })
})

test.each(protocols)('$name: a plain GET is told to upgrade', async (protocol) => {
  const served = await Served.start(protocol.endpoint())
  expect((await fetch(served.http + protocol.path)).status).toBe(426)
})

test('apps never see each other, on any of them', async () => {
  const endpoints = protocols.map(({ endpoint }) => endpoint())
  const served = await Served.start(endpoints, { authorize: tokens.authorize })
  const at = async (app: string, path: string) =>
    served.client(`/t/${await tokens.issue({ app })}${path}`)

  const [one, other] = [await at('one', '/relay-ws'), await at('other', '/relay-ws')]
  for (const client of [one, other]) {
    client.send({ type: 'ls' })
    expect(await client.next('ls')).toMatchObject({ peers: [] })
  }
  for (const app of ['one', 'other']) {
    const client = await at(app, '/rtc')
    client.send({ type: 'identify', data: { id: 'the same', name: app } })
    client.send({ type: 'offer', data: { target: 'nobody' } })
    await client.next('error')
    expect(client.seen.map(({ text }) => text).join()).not.toContain('"peer"')
    const caller = await at(app, '/call')
    caller.send({ id: 'register', name: 'the same' })
    expect(await caller.json()).toEqual({ id: 'registerResponse', response: 'accepted' })
    caller.send({ id: 'list' })
    expect(await caller.json()).toEqual({ id: 'listResponse', list: ['the same'] })
  }
  expect(served.stats('rtc')).toMatchObject({ apps: 2, peers: 2 })
})

test('a token for one id opens that id alone', async () => {
  const served = await Served.start([rtc(), call()], { authorize: tokens.authorize })
  const token = await tokens.issue({ app: 'a', id: 'alice' })
  const client = await served.client(`/t/${token}/rtc`)
  client.send({ type: 'identify', data: { id: 'bob', name: 'Bob' } })
  expect(await client.next('error')).toMatchObject({ data: { code: 'forbidden' } })
  client.send({ type: 'identify', data: { id: 'alice', name: 'Alice' } })
  const caller = await served.client(`/t/${token}/call`)
  caller.send({ id: 'register', name: 'bob' })
  expect(await caller.json()).toMatchObject({ response: 'rejected' })
  caller.send({ id: 'register', name: 'alice' })
  expect(await caller.json()).toMatchObject({ response: 'accepted' })
})

test('a peer that does not read is not ended by what others send it: they are told', async () => {
  const served = await Served.start(call(), { maxQueuedBytes: 200_000 })
  const alice = await served.client('/call')
  alice.send({ id: 'register', name: 'alice' })
  await alice.json()
  const mute = await RawSocket.upgrade(served.port, '/call')
  mute.write(clientFrame(1, JSON.stringify({ id: 'register', name: 'mute' })))
  await mute.json()
  mute.socket.pause()
  alice.send({ id: 'call', to: 'mute', sdpOffer: 'x' })
  const candidate = 'x'.repeat(60_000)
  let refused: Fields | undefined
  // as much as the kernel takes, and then what the server is willing to keep
  for (let i = 0; i < 1_000 && !refused; i++) {
    alice.send({ id: 'onIceCandidate', candidate })
    await alice.settled()
    if (alice.messages.length > 0) refused = await alice.json()
  }
  expect(refused).toMatchObject({ id: 'error', code: 'rate_limited' })
  expect(served.stats('call').clients).toBe(2)
})
