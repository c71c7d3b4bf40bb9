import { describe, expect, test } from 'vitest'
import { topics } from '../src/cluster/topics.js'
import { eventually } from './harness/arrivals.js'
import type { Client, Fields } from './harness/client.js'
import { ServerGroup } from './harness/server-group.js'

const key = 'happy-raccoon'

/** The messages of a type that a client has got so far. */
const got = (client: Client, type: string): Fields[] =>
  client.seen.map(({ text }) => JSON.parse(text) as Fields).filter((m) => m.type === type)

/** Whether a client was introduced to a peer. */
const met = (client: Client, id: string) => got(client, 'Introduction').some((one) => one.id === id)

/** Cuts every server off the bus, or mends that. */
function set(group: ServerGroup, up: boolean): void {
  for (const bus of group.buses) bus.up = up
}

async function introduced(...peers: Client[]): Promise<void> {
  for (const peer of peers) await peer.next('Introduction')
}

describe('while the bus is down', () => {
  test('row 40: a pipe across servers pauses, and loses nothing if that does not last', async () => {
    const group = await ServerGroup.start(2)
    const [a, b] = await group.pair([0, 1])
    a.send('before')
    await b.messages.next()
    // whatever is under way has arrived
    await eventually(() => group.members[0]!.server.stats().bufferedBytes === 0, 'a quiet pipe')
    set(group, false)
    for (let n = 0; n < 50; n++) a.send(Buffer.alloc(100_000, n))
    b.send('the other way')
    await eventually(() => group.members[0]!.server.stats().bufferedBytes > 60_000, 'a full pipe')
    expect(group.members[0]!.server.stats().bufferedBytes).toBeLessThan(600_000)
    set(group, true)
    for (let n = 0; n < 50; n++) {
      expect((await b.messages.next()).bytes.equals(Buffer.alloc(100_000, n))).toBe(true)
    }
    expect((await a.messages.next()).text).toBe('the other way')
    a.ws.close(4000)
    expect((await b.closed).code).toBe(4000)
    await group.expectQuiet()
  })

  test(
    'row 40: holds wait, pipes across servers end with 1013 after 5 s, and all works again after it',
    { timeout: 30_000 },
    async () => {
      const group = await ServerGroup.start(2)
      const [a, b] = await group.pair([0, 1])
      const near = await group.v1(0, 'near', key)
      const far = await group.v1(1, 'far', key)
      const leaving = await group.v1(1, 'leaving', key)
      await introduced(near, near, far, leaving)
      set(group, false)
      const downAt = performance.now()

      // local work goes on
      const [c, d] = await group.pair([0, 0], 'local')
      const local = await group.v1(0, 'local', key)
      expect((await local.next('Introduction')).id).toBe('near')
      // what others would have been told
      await leaving.close()
      const waits = await group.client(0, `/connection/near/far/${key}`)
      const partner = await group.client(1, `/connection/far/near/${key}`)

      expect([(await a.closed).code, (await b.closed).code]).toEqual([1013, 1013])
      expect(performance.now() - downAt).toBeGreaterThan(4_900)
      expect(performance.now() - downAt).toBeLessThan(7_500)
      expect(group.gauge('waiting')).toEqual([1, 1])

      set(group, true)
      waits.send('found')
      expect((await partner.messages.next()).text).toBe('found')
      await eventually(
        () => got(far, 'Introduction').some(({ id }) => id === 'local'),
        'the new one',
      )
      await eventually(() => got(near, 'Departure').some(({ id }) => id === 'leaving'), 'the leave')
      expect(got(near, 'Departure')).toEqual([{ type: 'Departure', id: 'leaving', keys: [key] }])
      expect(got(far, 'Departure').map(({ id }) => id)).toEqual(['leaving'])
      c.send('undisturbed')
      expect((await d.messages.next()).text).toBe('undisturbed')
    },
  )

  test('row 40: a pair that meets at that moment waits, or is told', async () => {
    const group = await ServerGroup.start(2)
    for (let n = 0; n < 20; n++) {
      group.bus.delay = () => n / 2
      const sides = await Promise.all([
        group.client(0, `/connection/a/b/${n}`),
        group.client(1, `/connection/b/a/${n}`),
      ])
      set(group, false)
      set(group, true)
      sides[0].send('a word')
      const met = sides[1].messages.next().then(({ text }) => text)
      const told = sides[0].closed.then(({ code }) => code)
      expect(['a word', 4410]).toContain(await Promise.race([met, told]))
      met.catch(() => {})
    }
  })
})

describe('a server that is cut off', () => {
  test(
    'row 41: leaves those who come before that is known to the older sessions of its peers',
    { timeout: 40_000 },
    async () => {
      const group = await ServerGroup.start(3)
      const older = await group.v1(0, 'twin', key)
      const now = Date.now()
      await eventually(() => Date.now() > now, 'the next millisecond')
      await group.v1(1, 'twin', key)
      const watcher = await group.v1(0, 'watcher', key)
      await watcher.next('Introduction')
      group.buses[1]!.mute = true
      const newcomers = [await group.v1(0, 'here', key), await group.v1(2, 'there', key)]
      await eventually(
        () => newcomers.every((client) => met(client, 'twin')),
        'to be introduced to the twin',
        15_000,
      )
      await eventually(
        () => ['watcher', 'here', 'there'].every((id) => met(older, id)),
        'the twin to be introduced to them',
        15_000,
      )
      expect(got(watcher, 'Departure')).toEqual([])
    },
  )

  test(
    'row 41: and does not know it, is taken for dead by the others, and welcomed back',
    { timeout: 40_000 },
    async () => {
      const group = await ServerGroup.start(3)
      const lost = await group.v1(0, 'lost', key, 'another')
      const kept = await group.v1(1, 'kept', key, 'another')
      await introduced(lost, kept)
      const [a, b] = await group.pair([0, 1])
      const [c, d] = await group.pair([1, 2], 'others')
      group.buses[0]!.mute = true
      const since = performance.now()
      expect(await kept.next('Departure', 15_000)).toEqual({
        type: 'Departure',
        id: 'lost',
        keys: [key, 'another'],
      })
      expect((await b.closed).code).toBe(4410)
      expect(performance.now() - since).toBeLessThan(15_000)
      expect((await a.closed).code).toBe(4410)
      // nobody is introduced to a ghost
      const fresh = await group.v1(2, 'fresh', key)
      await introduced(fresh, kept)
      expect(got(fresh, 'Introduction').map(({ id }) => id)).toEqual(['kept'])

      group.buses[0]!.mute = false
      await eventually(
        () => got(fresh, 'Introduction').some(({ id }) => id === 'lost'),
        'its return',
      )
      await eventually(
        () => got(lost, 'Introduction').some(({ id }) => id === 'fresh'),
        'the others',
      )
      await eventually(
        () => got(kept, 'Introduction').filter(({ id }) => id === 'lost').length > 1,
        'to be introduced to those who knew it before',
      )
      const again = await group.pair([0, 1], 'again')
      again[0].send('back')
      expect((await again[1].messages.next()).text).toBe('back')
      c.send('undisturbed')
      expect((await d.messages.next()).text).toBe('undisturbed')
    },
  )

  test('row 42: pairs and registrations of a split are as they must be when it heals', async () => {
    const group = await ServerGroup.start(2)
    const [a, b] = await group.pair([0, 0], 'k', ['alice', 'bob'])
    group.buses[1]!.up = false
    // the same two come back on the other side of the split
    await new Promise((resolve) => setTimeout(resolve, 5))
    const [a2, b2] = await group.pair([1, 1], 'k', ['alice', 'bob'])
    const one = await group.v1(0, 'one', key)
    const two = await group.v1(1, 'two', key)
    group.buses[1]!.up = true
    expect([(await a.closed).code, (await b.closed).code].sort()).toEqual([4409, 4410])
    a2.send('the newest')
    expect((await b2.messages.next()).text).toBe('the newest')
    expect((await one.next('Introduction')).id).toBe('two')
    expect((await two.next('Introduction')).id).toBe('one')
    expect(group.gauge('pipes')).toEqual([1, 2])
  })
})

describe('row 43: a message of the bus that gets lost', () => {
  test('row 43: in the middle of a pipe ends it on both sides, with nothing behind the gap', async () => {
    const group = await ServerGroup.start(2)
    const [a, b] = await group.pair([0, 1])
    let count = 0
    group.bus.loses = ({ t }) => t === 'data' && ++count === 5
    for (let n = 0; n < 40 && a.ws.readyState === a.ws.OPEN; n++) {
      a.send(`message ${n}`)
      await Promise.race([a.settled(), a.closed])
    }
    expect((await b.closed).code).toBe(4410)
    expect((await a.closed).code).toBe(4410)
    const texts = b.messages.take().map(({ text }) => text)
    expect(texts).toEqual(texts.map((_, n) => `message ${n}`))
    expect(texts.length).toBeLessThan(40)
    await group.expectQuiet()
  })

  test.for(['data', 'close'] as const)(
    'row 43: is found though nothing comes behind it (%s)',
    async (kind) => {
      const group = await ServerGroup.start(2)
      const [a, b] = await group.pair([0, 1])
      a.send('1')
      await b.messages.next()
      group.bus.loses = ({ t }) => t === kind
      if (kind === 'data') a.send('2')
      else a.ws.close(4000)
      expect((await b.closed).code).toBe(4410)
      expect((await a.closed).code).not.toBe(4000)
      expect(b.messages.take()).toEqual([])
      await group.expectQuiet()
    },
  )

  test('row 43: is made up for where it only was an acknowledgement', async () => {
    const group = await ServerGroup.start(2)
    const [a, b] = await group.pair([0, 1])
    let acks = 0
    group.bus.loses = ({ t }) => t === 'ack' && ++acks % 2 === 1
    for (let n = 0; n < 100; n++) a.send(Buffer.alloc(100_000, n))
    for (let n = 0; n < 100; n++) {
      expect((await b.messages.next()).bytes.equals(Buffer.alloc(100_000, n))).toBe(true)
    }
    group.bus.loses = () => false
    await eventually(() => group.members[0]!.server.stats().bufferedBytes === 0, 'the last of them')
    expect(acks).toBeGreaterThan(10)
  })

  test('row 43: is found out where it said that the pipe has ended', async () => {
    const group = await ServerGroup.start(2)
    const [a, b] = await group.pair([0, 1])
    group.bus.loses = ({ t }) => t === 'end'
    await a.kill()
    expect((await b.closed).code).toBe(4410)
    await group.expectQuiet()
  })
})

describe('a server of another version', () => {
  test('says what is not understood, and is not listened to', async () => {
    const group = await ServerGroup.start(2)
    const a = await group.v1(0, 'a', key)
    const stranger = group.bus.member()
    const instance = 'of another version'
    const say = (topic: string, message: object) =>
      stranger.publish(topic, Buffer.from(JSON.stringify({ instance, ...message })))
    const keyTopic = topics.key('', key)
    say(topics.all, { t: 'a type of tomorrow', with: ['fields'] })
    say(topics.all, { t: 'alive', mood: 'good' })
    say(keyTopic, { t: 'join', app: '', key })
    say(keyTopic, { t: 'join', app: '', key, peer: null })
    say(keyTopic, { t: 'hold', hold: null })
    say(keyTopic, { t: 'update', app: '', keys: 'no list' })
    say(topics.all, { t: 'alive', time: 1e300 })
    for (const garbage of [
      '',
      '{',
      '{}',
      'null',
      '[]',
      '\u0001',
      '\u0001\u0002\u00ff\u00ff',
      '\u0002',
    ]) {
      for (const topic of [topics.all, keyTopic]) {
        stranger.publish(topic, Buffer.from(garbage, 'latin1'))
      }
    }
    // what is understood is taken, with fields of tomorrow in it
    const peer = { id: 'b', reads: 1, since: 1, pronouns: 'they', info: { name: 'B' } }
    say(keyTopic, { t: 'join', app: '', key, peer, colour: 'blue' })
    expect(await a.next('Introduction')).toEqual({
      type: 'Introduction',
      id: 'b',
      keys: [key],
      info: { name: 'B' },
    })
    say(topics.all, { t: 'bye' })
    expect((await a.next('Departure')).id).toBe('b')
    await a.kill()
    await group.expectQuiet()
  })
})
