import fc from 'fast-check'
import { Packr } from 'msgpackr'
import { clientClose, clientFrame, handshake } from 'signal-test-kit'
import { describe, expect, test } from 'vitest'
import { eventually } from './harness/arrivals.js'
import type { Client, Fields } from './harness/client.js'
import { Stage } from './harness/stage.js'

const packr = new Packr({ useRecords: false })

/** Keys of the case: those of the bystanders are there all the while. */
const registrations = (stage: Stage) =>
  stage.server.stats().endpoints['introduction']!['registrations']! - 2

/** All of a client's messages of one type so far. */
const told = (client: Client, type: string): Fields[] =>
  client.seen.map(({ text }) => JSON.parse(text) as Fields).filter((each) => each.type === type)

const introduction = (id: string, ...keys: string[]) => ({ type: 'Introduction', id, keys })
const departure = (id: string, ...keys: string[]) => ({ type: 'Departure', id, keys })

const bad = ['', 'nonsense', '{', 'null', '[]', '[{"type":"Join"}]', '5', '"Join"', 'true']

describe('row 11: what is not JSON, or not an object', () => {
  test.each([...bad, '{}', '{"type":5}', '{"type":null,"join":[]}'])(
    '%j gets bad_message, and the session goes on',
    async (text) => {
      const stage = await Stage.open()
      const alice = await stage.v1('alice', 'k')
      alice.send(text)
      const error = await alice.next('Error')
      expect(error).toEqual({ type: 'Error', code: 'bad_message', message: expect.any(String) })
      const bob = await stage.v1('bob', 'k')
      expect(await bob.next('Introduction')).toEqual(introduction('alice', 'k'))
    },
  )

  test.each(bad)('%j is met with silence in an older dialect', async (text) => {
    const stage = await Stage.open()
    const alice = await stage.client('/introduction/alice')
    alice.send(text)
    alice.send({ type: 'Join', join: ['k'] })
    alice.send(text)
    await alice.settled()
    expect(alice.seen).toEqual([])
    const bob = await stage.v1('bob', 'k')
    expect(await bob.next('Introduction')).toEqual(introduction('alice', 'k'))
    expect(await alice.json()).toEqual(introduction('bob', 'k'))
  })

  test('the tenth closes the session with 4400, and its peers are told', async () => {
    const stage = await Stage.open()
    const bob = await stage.v1('bob', 'k')
    const alice = await stage.v1('alice', 'k')
    for (let n = 0; n < 9; n++) alice.send('nonsense')
    for (let n = 0; n < 9; n++) await alice.next('Error')
    await alice.settled()
    alice.send('nonsense')
    expect((await alice.closed).code).toBe(4400)
    expect(await bob.next('Departure')).toEqual(departure('alice', 'k'))
    expect(stage.outcomes()).toMatchObject({ bad_message: 10, too_many_bad_messages: 1 })
  })

  test('the tenth closes a session of an older dialect as well, after nine in silence', async () => {
    const stage = await Stage.open()
    const alice = await stage.client('/introduction/alice')
    for (let n = 0; n < 9; n++) alice.send(n % 2 ? Buffer.from([0xc0]) : 'nonsense')
    await alice.settled()
    alice.send('nonsense')
    expect((await alice.closed).code).toBe(4400)
    expect(alice.seen).toEqual([])
  })

  test('a message of a type that is not known yet is no bad one, and gets no answer', async () => {
    const stage = await Stage.open({ maxBadMessages: 1 })
    const alice = await stage.v1('alice')
    alice.send({ type: 'Tomorrow', anything: [null] })
    alice.send({ type: '__proto__' })
    alice.send({ type: 'constructor' })
    await alice.settled()
    expect(alice.messages.length).toBe(0)
  })

  test('a binary message closes a signal.v1 session with 1003', async () => {
    const stage = await Stage.open()
    const alice = await stage.v1('alice', 'k')
    alice.send(Buffer.from('{"type":"Join","join":["x"]}'))
    expect((await alice.closed).code).toBe(1003)
    expect(stage.outcomes().unsupported_data).toBe(1)
  })
})

describe('row 12: keys of the wrong type', () => {
  const isKeys = (value: unknown) =>
    Array.isArray(value) && value.every((key) => typeof key === 'string' && key !== '')
  const wrongKeys = fc.oneof(
    fc.jsonValue().filter((value) => !isKeys(value)),
    // a list that is right but for one
    fc
      .tuple(
        fc.array(fc.string({ minLength: 1 }), { maxLength: 5 }),
        fc.jsonValue().filter((value) => !isKeys([value])),
        fc.array(fc.string({ minLength: 1 }), { maxLength: 5 }),
      )
      .map(([front, wrong, back]) => [...front, wrong, ...back]),
  )
  const lenient = { maxBadMessages: Infinity, messagesPerSecond: 1e6, messagesBurst: 1e6 }

  const fields = (type: string, keys: unknown) => ({ type, [type.toLowerCase()]: keys })
  const documents = (type: string, keys: unknown) => ({ type, documentIds: keys })
  type Encode = (type: string, keys: unknown) => string | Buffer

  test.each<[string, Encode]>([
    ['signal.v1', (type, keys) => JSON.stringify(fields(type, keys))],
    ['v0', (type, keys) => JSON.stringify(fields(type, keys))],
    [
      'v0, beside right ones',
      (type, keys) => {
        const other = type === 'Join' ? 'leave' : 'join'
        return JSON.stringify({ [other]: ['new'], [type.toLowerCase()]: keys })
      },
    ],
    ['v3', (type, keys) => JSON.stringify(documents(type, keys))],
    ['v4', (type, keys) => packr.pack(documents(type, keys))],
  ])('in %s, nothing of the message is done', { timeout: 60_000 }, async (dialect, encode) => {
    const stage = await Stage.open(lenient)
    const protocols = dialect === 'signal.v1' ? ['signal.v1'] : []
    const alice = await stage.client('/introduction/alice', protocols)
    alice.send(dialect.startsWith('v0') ? '{"join":["kept"]}' : encode('Join', ['kept']))
    await alice.settled()
    const watcher = await stage.v1('watcher', 'kept', 'new')
    await watcher.next('Introduction')
    const property = fc.asyncProperty(
      fc.constantFrom('Join', 'Leave'),
      wrongKeys,
      async (type, keys) => {
        const before = stage.outcomes().bad_message
        alice.send(encode(type, keys))
        await alice.settled()
        expect(stage.outcomes().bad_message).toBe(before + 1)
        expect(registrations(stage)).toBe(3)
      },
    )
    await fc.assert(property, { numRuns: 300 })
    expect(watcher.messages.length).toBe(0)
  })

  test.each([
    ['Join without keys', { type: 'Join' }],
    ['Leave without keys', { type: 'Leave', join: ['k'] }],
    ['Announce without info', { type: 'Announce' }],
    ['Signal without a receiver', { type: 'Signal', signal: 1 }],
    ['Signal to a number', { type: 'Signal', to: 5, signal: 1 }],
    ['Signal to nobody', { type: 'Signal', to: null, signal: 1 }],
    ['Signal to a list', { type: 'Signal', to: ['bob'], signal: 1 }],
    ['Signal without a signal', { type: 'Signal', to: 'bob' }],
  ])('%s is refused', async (_what, message) => {
    const stage = await Stage.open()
    const bob = await stage.v1('bob', 'k')
    const alice = await stage.v1('alice', 'k')
    alice.send(message)
    expect(await alice.next('Error')).toMatchObject({ code: 'bad_message' })
    await bob.settled()
    expect(bob.seen).toHaveLength(2)
  })
})

describe('row 13: a frame that RFC 6455 forbids', () => {
  const forbidden: [string, Buffer, number][] = [
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, Buffer, number] => [
      `opcode ${opcode}`,
      clientFrame(opcode, 'x'),
      1002,
    ]),
    ...[1, 2, 3, 4, 5, 6, 7].map((rsv): [string, Buffer, number] => [
      `reserved bits ${rsv}`,
      clientFrame(1, 'x', { rsv }),
      1002,
    ]),
    ['no mask', clientFrame(1, '{}', { masked: false }), 1002],
    ['an unmasked ping', clientFrame(9, '', { masked: false }), 1002],
    ['a ping of 126 bytes', clientFrame(9, 'x'.repeat(126)), 1002],
    ['a pong of 70,000 bytes', clientFrame(10, 'x'.repeat(70_000)), 1002],
    ['a fragmented ping', clientFrame(9, 'x', { fin: false }), 1002],
    ['a continuation of nothing', clientFrame(0, 'x'), 1002],
    [
      'a message within a message',
      Buffer.concat([clientFrame(1, '{', { fin: false }), clientFrame(1, '}')]),
      1002,
    ],
    ['a close frame of one byte', clientFrame(8, 'x'), 1002],
    ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map(
      (code): [string, Buffer, number] => [`close code ${code}`, clientClose(code), 1002],
    ),
    ['a reason that is not UTF-8', clientFrame(8, Buffer.from([0x03, 0xe8, 0xff, 0xfe])), 1007],
    ['text that is not UTF-8', clientFrame(1, Buffer.from([0x7b, 0xff, 0x7d])), 1007],
    ['a surrogate in text', clientFrame(1, Buffer.from([0xed, 0xa0, 0x80])), 1007],
    [
      'half a character at the end',
      Buffer.concat([
        clientFrame(1, Buffer.from([0xc3]), { fin: false }),
        clientFrame(0, Buffer.from([0x28])),
      ]),
      1007,
    ],
    ['a length of 2^63', clientFrame(1, '', { claimedLength: 2n ** 63n }), 1009],
    ['a length of 2^53', clientFrame(2, '', { claimedLength: 2n ** 53n }), 1009],
  ]

  const join = clientFrame(1, '{"type":"Join","join":["k"]}')
  const phases = {
    'as the first frame': [],
    'after a Join': [join],
    'with the handshake': undefined,
  }

  test.each(
    Object.entries(phases).flatMap(([phase, before]) =>
      forbidden.map(([what, bytes, code]) => ({ phase, before, what, bytes, code })),
    ),
  )('$what, $phase, is answered with $code', async ({ before, bytes, code }) => {
    const stage = await Stage.open()
    const raw = await stage.raw()
    const headers = { 'Sec-WebSocket-Protocol': 'signal.v1' }
    const opening = Buffer.from(handshake('/introduction/alice', { headers }))
    if (before) {
      raw.write(opening)
      for (const frame of before) raw.write(frame)
    }
    raw.write(before ? bytes : Buffer.concat([opening, bytes]))
    expect(await raw.response()).toMatchObject({ status: 101 })
    expect(await raw.closeCode()).toBe(code)
  })

  test('any bytes at all do no harm', { timeout: 60_000 }, async () => {
    const stage = await Stage.open()
    const property = fc.asyncProperty(
      fc.constantFrom('/introduction/x', '/connection/a/b/x'),
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      async (path, bytes) => {
        const raw = await stage.upgraded(path)
        raw.write(bytes)
        raw.end()
        await raw.ended
        raw.socket.destroy()
      },
    )
    await fc.assert(property, { numRuns: 300 })
    await stage.expectQuiet()
  })

  test('nor do frames that are right but for some bits', { timeout: 60_000 }, async () => {
    const stage = await Stage.open()
    const right = clientFrame(1, JSON.stringify({ type: 'Join', join: ['k', 'another'] }))
    const property = fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(right.length - 1), fc.nat(7)), { minLength: 1, maxLength: 4 }),
      async (flips) => {
        const bytes = Buffer.from(right)
        for (const [at, bit] of flips) bytes[at]! ^= 1 << bit
        const raw = await stage.upgraded('/introduction/flipped')
        raw.write(bytes)
        raw.end()
        await raw.ended
        raw.socket.destroy()
      },
    )
    await fc.assert(property, { numRuns: 300 })
    await stage.expectQuiet()
  })
})

describe('row 14: what is too large', () => {
  const join = (count: number, prefix = 'key') => ({
    type: 'Join',
    join: Array.from({ length: count }, (_, n) => `${prefix}-${n}`),
  })

  test('a message of 512 KiB is read, one byte more closes the session with 1009', async () => {
    const stage = await Stage.open()
    const alice = await stage.v1('alice')
    const frame = (bytes: number) => {
      const rest = JSON.stringify({ type: 'Tomorrow', padding: '' }).length
      return JSON.stringify({ type: 'Tomorrow', padding: 'x'.repeat(bytes - rest) })
    }
    alice.send(frame(512 * 1024))
    await alice.settled()
    alice.send(frame(512 * 1024 + 1))
    expect((await alice.closed).code).toBe(1009)
  })

  test('a message in fragments is counted as a whole', async () => {
    const stage = await Stage.open()
    const raw = await stage.upgraded('/introduction/alice')
    const part = 'x'.repeat(100 * 1024)
    raw.write(clientFrame(1, part, { fin: false }))
    for (let n = 0; n < 5; n++) raw.write(clientFrame(0, part, { fin: false }))
    expect(await raw.closeCode()).toBe(1009)
  })

  test('a message in countless fragments is given up', async () => {
    const stage = await Stage.open()
    const raw = await stage.upgraded('/introduction/alice')
    raw.write(clientFrame(1, '', { fin: false }))
    raw.write(
      Buffer.concat(Array.from({ length: 5_000 }, () => clientFrame(0, '', { fin: false }))),
    )
    expect(await raw.closeCode()).toBe(1008)
  })

  test('row 14: 5,000 keys are joined, 5,001 get too_many_keys and none of them is', async () => {
    const stage = await Stage.open({ keysBurst: 30_000 })
    const alice = await stage.v1('alice')
    alice.send(join(5_001))
    expect(await alice.next('Error')).toMatchObject({
      code: 'too_many_keys',
      keys: join(5_001).join,
    })
    expect(registrations(stage)).toBe(0)
    alice.send(join(5_000))
    await alice.settled()
    expect(registrations(stage)).toBe(5_000)
    const refused = ['key-0', 'one more']
    alice.send({ type: 'Join', join: refused })
    expect(await alice.next('Error')).toMatchObject({ code: 'too_many_keys', keys: refused })
    // those that it has may be named again
    alice.send(join(5_000))
    await alice.settled()
    expect(alice.messages.length).toBe(0)
    expect(registrations(stage)).toBe(5_000)
  })

  test('a Join of 80,000 keys is refused at once', async () => {
    const stage = await Stage.open({ keysBurst: 1e6 })
    const alice = await stage.v1('alice')
    const start = performance.now()
    alice.send({ type: 'Join', join: Array.from({ length: 80_000 }, (_, n) => n.toString(36)) })
    expect(await alice.next('Error')).toMatchObject({ code: 'too_many_keys' })
    expect(performance.now() - start).toBeLessThan(2_000)
    expect(registrations(stage)).toBe(0)
  })

  test('a key of 256 bytes is joined, one of 257 gets key_too_long and nothing is', async () => {
    const stage = await Stage.open()
    const alice = await stage.v1('alice')
    for (const long of ['k'.repeat(257), '🐟'.repeat(65), 'é'.repeat(129)]) {
      alice.send({ type: 'Join', join: ['short', long] })
      expect(await alice.next('Error')).toMatchObject({ code: 'key_too_long' })
      expect(registrations(stage)).toBe(0)
    }
    alice.send({ type: 'Join', join: ['k'.repeat(256), '🐟'.repeat(64), 'é'.repeat(128)] })
    await alice.settled()
    expect(registrations(stage)).toBe(3)
  })

  test('a session that would have most of the registrations gets server_full, until some are given up', async () => {
    const stage = await Stage.open({ maxRegistrations: 22, maxKeysPerPeer: 16 })
    const alice = await stage.v1('alice')
    const bob = await stage.v1('bob')
    alice.send(join(15, 'a'))
    await alice.settled()
    bob.send(join(16, 'b'))
    expect(await bob.next('Error')).toMatchObject({ code: 'server_full' })
    expect(registrations(stage)).toBe(15)
    bob.send(join(5, 'b'))
    await bob.settled()
    expect(registrations(stage)).toBe(20)
    await alice.kill()
    await eventually(() => registrations(stage) === 5, 'room')
    bob.send(join(15, 'b'))
    await bob.settled()
    expect(registrations(stage)).toBe(15)
    expect(bob.messages.length).toBe(0)
  })

  test('older dialects are refused in silence', async () => {
    const stage = await Stage.open()
    const alice = await stage.client('/introduction/alice')
    alice.send(join(5_001))
    await alice.settled()
    expect(alice.seen).toEqual([])
    expect(registrations(stage)).toBe(0)
  })
})

describe('row 15: one id on several sockets', () => {
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ]

  test.each(orders)('closed in the order %i, %i, %i', async (...order) => {
    const stage = await Stage.open()
    const watcher = await stage.v1('watcher', 'shared', 'own-0', 'own-1', 'own-2')
    const sessions: Client[] = []
    for (const n of [0, 1, 2]) {
      const session = await stage.v1('many', 'shared', `own-${n}`)
      sessions.push(session)
      expect(await watcher.next('Introduction')).toEqual(introduction('many', 'shared', `own-${n}`))
      expect(await session.next('Introduction')).toMatchObject({ id: 'watcher' })
      if (n > 0) expect((await sessions[n - 1]!.next('Replaced')).keys).toEqual(['shared'])
    }
    const living = new Set([0, 1, 2])
    for (const n of order) {
      // a newcomer is told to the newest of those that live, and to no other
      const newest = Math.max(...living)
      const newcomer = await stage.v1(`before ${n} closes`, 'shared')
      expect(await newcomer.next('Introduction')).toMatchObject({ id: expect.any(String) })
      expect(await sessions[newest]!.next('Introduction')).toEqual(
        introduction(`before ${n} closes`, 'shared'),
      )
      expect(await watcher.next('Introduction')).toMatchObject({ id: `before ${n} closes` })
      await newcomer.kill()
      await watcher.next('Departure')
      await sessions[newest]!.next('Departure')
      for (const other of living) expect(sessions[other]!.messages.length).toBe(0)

      if (n % 2) await sessions[n]!.kill()
      else await sessions[n]!.close()
      living.delete(n)
      const left = living.size > 0 ? [`own-${n}`] : ['shared', `own-${n}`]
      expect(await watcher.next('Departure')).toEqual(departure('many', ...left))
      if (n < newest || living.size === 0) continue
      // row 63: the next older one is introduced again
      const heir = sessions[Math.max(...living)]!
      expect(await heir.next('Introduction')).toEqual(introduction('watcher', 'shared'))
      expect(await watcher.next('Introduction')).toEqual(introduction('many', 'shared'))
    }
    expect(watcher.messages.length).toBe(0)
  })

  test('a Leave of one takes nothing from another', async () => {
    const stage = await Stage.open()
    const watcher = await stage.v1('watcher', 'k')
    const older = await stage.v1('many', 'k')
    const newer = await stage.v1('many', 'k')
    for (const session of [older, newer]) await session.next('Introduction')
    newer.send({ type: 'Leave', leave: ['k'] })
    await newer.settled()
    await watcher.settled()
    expect(told(watcher, 'Departure')).toEqual([])
    expect(await older.next('Introduction')).toMatchObject({ id: 'watcher' })
    await stage.v1('newcomer', 'k')
    expect(await older.next('Introduction')).toMatchObject({ id: 'newcomer' })
    expect(newer.messages.length).toBe(0)
    older.send({ type: 'Leave', leave: ['k'] })
    expect(await watcher.next('Departure')).toEqual(departure('many', 'k'))
  })

  test('none of them is ever introduced to itself', async () => {
    const stage = await Stage.open()
    const [one, other] = [await stage.v1('many', 'k'), await stage.v1('many', 'k')]
    one.send({ type: 'Join', join: ['k'] })
    await Promise.all([one.settled(), other.settled()])
    expect(told(one, 'Introduction')).toEqual([])
    expect(told(other, 'Introduction')).toEqual([])
  })

  test('a thousand of them cost their peers nothing', { timeout: 60_000 }, async () => {
    const stage = await Stage.open()
    const sessions: Client[] = []
    for (let n = 0; n < 1_000; n++) sessions.push(await stage.v1('many', 'k', `own-${n}`))
    const start = performance.now()
    const bob = await stage.v1('bob', 'k')
    expect(await bob.next('Introduction')).toEqual(introduction('many', 'k'))
    expect(await sessions[999]!.next('Introduction')).toEqual(introduction('bob', 'k'))
    expect(performance.now() - start).toBeLessThan(2_000)
    await Promise.all(sessions.map((session) => session.kill()))
    expect(await bob.next('Departure')).toEqual(departure('many', 'k'))
  })
})

describe('row 17: a full room', () => {
  test('gets a newcomer room_full, who joins the rest of its keys', async () => {
    const stage = await Stage.open({ maxPeersPerKey: 2 })
    await stage.v1('alice', 'full')
    const bob = await stage.v1('bob', 'full')
    await bob.next('Introduction')
    const carol = await stage.v1('carol', 'full', 'other')
    expect(await carol.next('Error')).toMatchObject({ code: 'room_full', keys: ['full'] })
    const dave = await stage.v1('dave', 'other')
    expect(await dave.next('Introduction')).toEqual(introduction('carol', 'other'))
    expect(bob.messages.length).toBe(0)
    expect(registrations(stage)).toBe(4)
  })

  test('does not keep out who is in it, also with another socket', async () => {
    const stage = await Stage.open({ maxPeersPerKey: 2 })
    const alice = await stage.v1('alice', 'full')
    await stage.v1('bob', 'full')
    alice.send({ type: 'Join', join: ['full'] })
    const again = await stage.v1('alice', 'full')
    expect(await again.next('Introduction')).toEqual(introduction('bob', 'full'))
    expect([...told(alice, 'Error'), ...told(again, 'Error')]).toEqual([])
  })

  test('has room again when somebody leaves', async () => {
    const stage = await Stage.open({ maxPeersPerKey: 2 })
    const alice = await stage.v1('alice', 'full')
    await stage.v1('bob', 'full')
    const carol = await stage.v1('carol', 'full')
    await carol.next('Error')
    alice.send({ type: 'Leave', leave: ['full'] })
    await alice.settled()
    carol.send({ type: 'Join', join: ['full'] })
    expect(await carol.next('Introduction')).toEqual(introduction('bob', 'full'))
  })

  test('is one of 1,000 peers by default', { timeout: 180_000 }, async () => {
    const stage = await Stage.open()
    // each waits for its introductions, and all those of one round end together
    for (let n = 0; n < 1_000; n += 20) {
      await Promise.all(Array.from({ length: 20 }, (_, k) => stage.v1(`peer-${n + k}`, 'full')))
    }
    const late = await stage.v1('late', 'full')
    expect(await late.next('Error')).toMatchObject({ code: 'room_full', keys: ['full'] })
  })
})
