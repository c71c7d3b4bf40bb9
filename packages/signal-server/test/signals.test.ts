import { describe, expect, test } from 'vitest'
import type { Fields } from './harness/client.js'
import { Stage } from './harness/stage.js'

describe('a Welcome', () => {
  test('comes first, at once, and only to signal.v1', async () => {
    const stage = await Stage.open()
    const alice = await stage.client('/introduction/al%2Fice', ['signal.v1'])
    expect(await alice.json()).toEqual({
      type: 'Welcome',
      id: 'al/ice',
      server: { name: 'signal-server', version: expect.stringMatching(/^\d+\.\d+\.\d+/) },
    })
  })

  test('names ICE servers where there are some, asked for anew each time', async () => {
    let asked = 0
    const stage = await Stage.open({ iceServers: () => [{ urls: `stun:${++asked}.example` }] })
    const before = asked
    for (const n of [1, 2]) {
      const alice = await stage.client('/introduction/alice', ['signal.v1'])
      expect((await alice.json()).iceServers).toEqual([{ urls: `stun:${before + n}.example` }])
    }
  })

  test('comes without them where the app cannot name them, and the app is told', async () => {
    let broken = false
    const iceServers = () => {
      if (broken) throw new Error('no credentials')
      return []
    }
    const stage = await Stage.open({ iceServers })
    broken = true
    const faults: Error[] = []
    stage.server.on('fault', (error) => faults.push(error))
    const alice = await stage.client('/introduction/alice', ['signal.v1'])
    expect(await alice.json()).toEqual({ type: 'Welcome', id: 'alice', server: expect.anything() })
    expect(faults.map(({ message }) => message)).toEqual(['no credentials'])
  })
})

describe('announced info', () => {
  test('is told to who shares a key, and stands in every Introduction from then on', async () => {
    const stage = await Stage.open()
    const bob = await stage.v1('bob', 'k', 'another')
    const stranger = await stage.v1('stranger', 'elsewhere')
    const alice = await stage.v1('alice', 'k', 'another')
    expect(await bob.next('Introduction')).not.toHaveProperty('info')
    alice.send({ type: 'Announce', info: { name: 'Alice' } })
    expect(await bob.next('Update')).toEqual({
      type: 'Update',
      id: 'alice',
      info: { name: 'Alice' },
      keys: ['k', 'another'],
    })
    const carol = await stage.v1('carol', 'k')
    const introductions = [await carol.next('Introduction'), await carol.next('Introduction')]
    expect(introductions).toContainEqual({
      type: 'Introduction',
      id: 'alice',
      keys: ['k'],
      info: { name: 'Alice' },
    })
    await bob.settled()
    expect(bob.seen.filter(({ text }) => text.includes('"Update"'))).toHaveLength(1)
    await stranger.settled()
    expect(stranger.messages.length).toBe(0)
    await alice.settled()
    expect(alice.seen.filter(({ text }) => text.includes('"Update"'))).toHaveLength(0)
  })

  test.each([null, false, 0, '', [], {}, 'text', [1, [2]]])('may be %j', async (info) => {
    const stage = await Stage.open()
    const alice = await stage.v1('alice', 'k')
    alice.send({ type: 'Announce', info })
    await alice.settled()
    const bob = await stage.v1('bob', 'k')
    expect(await bob.next('Introduction')).toEqual({
      type: 'Introduction',
      id: 'alice',
      keys: ['k'],
      info,
    })
  })

  test('of 1,024 bytes of JSON is taken, of 1,025 not', async () => {
    const stage = await Stage.open()
    const bob = await stage.v1('bob', 'k')
    const alice = await stage.v1('alice', 'k')
    alice.send({ type: 'Announce', info: 'x'.repeat(1_022) })
    await bob.next('Update')
    for (const info of ['x'.repeat(1_023), 'é'.repeat(512)]) {
      alice.send({ type: 'Announce', info })
      expect(await alice.next('Error')).toMatchObject({ code: 'info_too_big' })
    }
    await bob.settled()
    expect(bob.messages.length).toBe(0)
  })

  test('is that of the newest session that joined the key, and lasts as long as it', async () => {
    const stage = await Stage.open()
    const older = await stage.v1('many', 'k')
    const newer = await stage.v1('many', 'k')
    newer.send({ type: 'Announce', info: 'newer' })
    await newer.settled()
    older.send({ type: 'Announce', info: 'older' })
    await older.settled()
    const infoSeenBy = async (id: string) => {
      const client = await stage.v1(id, 'k')
      const { info } = await client.next('Introduction')
      await client.kill()
      return info
    }
    expect(await infoSeenBy('one')).toBe('newer')
    await newer.kill()
    await older.settled()
    expect(await infoSeenBy('two')).toBe('older')
    await older.kill()
    const again = await stage.v1('many', 'k')
    expect(await infoSeenBy('three')).toBeUndefined()
    await again.settled()
  })
})

describe('a Signal', () => {
  const room = async (stage: Stage) => ({
    alice: await stage.v1('alice', 'k'),
    bob: await stage.v1('bob', 'k', 'other'),
  })

  test('reaches the one it is for, from whom the server knows it comes', async () => {
    const stage = await Stage.open()
    const { alice, bob } = await room(stage)
    const carol = await stage.v1('carol', 'k')
    const signal = { offer: { sdp: 'v=0\r\n', n: [1, null, '🐟'] } }
    alice.send({ type: 'Signal', to: 'bob', signal, from: 'carol', id: 'carol' })
    expect(await bob.next('Signal')).toEqual({ type: 'Signal', from: 'alice', signal })
    await carol.settled()
    expect(carol.seen.filter(({ text }) => text.includes('"Signal"'))).toEqual([])
  })

  test('keeps its place in the order', async () => {
    const stage = await Stage.open()
    const { alice, bob } = await room(stage)
    for (let n = 0; n < 50; n++) alice.send({ type: 'Signal', to: 'bob', signal: n })
    for (let n = 0; n < 50; n++) expect((await bob.next('Signal')).signal).toBe(n)
  })

  test.each([
    ['a stranger', 'stranger'],
    ['nobody', 'nobody'],
    ['itself', 'alice'],
    ['everybody', '*'],
    ['', ''],
  ])('to %s gets unknown_peer', async (_whom, to) => {
    const stage = await Stage.open()
    const { alice } = await room(stage)
    const stranger = await stage.v1('stranger', 'elsewhere')
    alice.send({ type: 'Signal', to, signal: 1 })
    expect(await alice.next('Error')).toEqual({
      type: 'Error',
      code: 'unknown_peer',
      message: expect.any(String),
      id: to,
    })
    await stranger.settled()
    expect(stranger.messages.length).toBe(0)
  })

  test('to a peer that has left the key gets unknown_peer', async () => {
    const stage = await Stage.open()
    const { alice, bob } = await room(stage)
    bob.send({ type: 'Leave', leave: ['k'] })
    await bob.settled()
    alice.send({ type: 'Signal', to: 'bob', signal: 1 })
    expect(await alice.next('Error')).toMatchObject({ code: 'unknown_peer', id: 'bob' })
  })

  test('goes to the newest session that shares a key and can read it', async () => {
    const stage = await Stage.open()
    const alice = await stage.v1('alice', 'k')
    const older = await stage.v1('many', 'k')
    const newer = await stage.v1('many', 'k')
    await stage.v1('many', 'elsewhere')
    const old = await stage.client('/introduction/many')
    old.send({ join: ['k'] })
    await old.settled()
    const send = async () => {
      alice.send({ type: 'Signal', to: 'many', signal: 'hello' })
      await alice.settled()
    }
    await send()
    expect(await newer.next('Signal')).toMatchObject({ signal: 'hello' })
    await newer.kill()
    await alice.settled()
    await send()
    expect(await older.next('Signal')).toMatchObject({ signal: 'hello' })
    await older.close()
    await send()
    expect(await alice.next('Error')).toMatchObject({ code: 'not_supported', id: 'many' })
  })
})

describe('a Ping in JSON', () => {
  test('is answered with a Pong, in its turn', async () => {
    const stage = await Stage.open()
    await stage.v1('bob', 'k')
    const alice = await stage.v1('alice')
    alice.send({ type: 'Join', join: ['k'] })
    alice.send({ type: 'Ping' })
    alice.send('nonsense')
    const types = [await alice.json(), await alice.json(), await alice.json()].map(
      ({ type }: Fields) => type,
    )
    expect(types).toEqual(['Introduction', 'Pong', 'Error'])
  })
})

describe('a Departure', () => {
  test('names the keys that are left, to each who shares some of them', async () => {
    const stage = await Stage.open()
    const bob = await stage.v1('bob', 'a', 'b')
    const carol = await stage.v1('carol', 'c')
    const alice = await stage.v1('alice', 'a', 'b', 'c')
    alice.send({ type: 'Leave', leave: ['a', 'c', 'unknown'] })
    expect(await bob.next('Departure')).toEqual({ type: 'Departure', id: 'alice', keys: ['a'] })
    expect(await carol.next('Departure')).toEqual({ type: 'Departure', id: 'alice', keys: ['c'] })
    await alice.kill()
    expect(await bob.next('Departure')).toEqual({ type: 'Departure', id: 'alice', keys: ['b'] })
    await carol.settled()
    expect(carol.messages.length).toBe(0)
  })

  test('does not come for a Leave of keys that were never joined', async () => {
    const stage = await Stage.open()
    const bob = await stage.v1('bob', 'k')
    const alice = await stage.v1('alice')
    alice.send({ type: 'Leave', leave: ['k'] })
    await alice.settled()
    await bob.settled()
    expect(bob.messages.length).toBe(0)
  })
})

describe('an app', () => {
  const authorize = ({ url = '' }: { url?: string }) => ({
    app: new URL(url, 'http://x').searchParams.get('app') ?? '',
  })

  test('shares no peer, key or pipe with another', async () => {
    const stage = await Stage.open({ authorize })
    const enter = async (app: string, id: string) => {
      const client = await stage.client(`/introduction/${id}?app=${app}`, ['signal.v1'])
      await client.next('Welcome')
      client.send({ type: 'Join', join: ['k'] })
      await client.settled()
      return client
    }
    const [one, other] = [await enter('one', 'alice'), await enter('other', 'bob')]
    one.send({ type: 'Signal', to: 'bob', signal: 1 })
    expect(await one.next('Error')).toMatchObject({ code: 'unknown_peer' })
    one.send({ type: 'Announce', info: 1 })
    const third = await enter('one', 'carol')
    expect(await third.next('Introduction')).toMatchObject({ id: 'alice' })
    await other.settled()
    expect(other.messages.length).toBe(0)
  })

  test('decides which keys may be joined; the others are left out', async () => {
    const allowsKey = (key: string) => key.startsWith('mine')
    const stage = await Stage.open({
      authorize: ({ url }) => (url!.includes('alice') ? { allowsKey } : true),
    })
    const bob = await stage.v1('bob', 'mine 1', 'theirs')
    const alice = await stage.v1('alice', 'mine 1', 'theirs', 'mine 2')
    expect(await alice.next('Error')).toMatchObject({ code: 'forbidden', keys: ['theirs'] })
    expect(await bob.next('Introduction')).toMatchObject({ keys: ['mine 1'] })
  })

  test('whose decision about a key fails is told, and the key is left out', async () => {
    const allowsKey = (key: string) => key.split(':')[1]!.length > 0
    const stage = await Stage.open({
      authorize: ({ url }) => (url!.includes('alice') ? { allowsKey } : true),
    })
    const faults: Error[] = []
    stage.server.on('fault', (error) => faults.push(error))
    const alice = await stage.v1('alice', 'doc:1', 'no colon')
    expect(await alice.next('Error')).toMatchObject({ code: 'forbidden', keys: ['no colon'] })
    expect(faults).toHaveLength(1)
    const bob = await stage.v1('bob', 'doc:1', 'no colon')
    expect(await bob.next('Introduction')).toMatchObject({ keys: ['doc:1'] })
  })

  test('hears of sessions, introductions and departures', async () => {
    const stage = await Stage.open()
    const heard: unknown[] = []
    stage.server.on('session', (event) => heard.push(['session', event]))
    stage.server.on('introduction', (event) => heard.push(['introduction', event]))
    stage.server.on('departure', (event) => heard.push(['departure', event]))
    await stage.v1('alice', 'k')
    const bob = await stage.v1('bob', 'k')
    await bob.next('Introduction')
    bob.send({ type: 'Leave', leave: ['k'] })
    await bob.settled()
    expect(heard).toEqual([
      ['session', { app: '', id: 'alice' }],
      ['session', { app: '', id: 'bob' }],
      ['introduction', { app: '', ids: ['bob', 'alice'], keys: ['k'] }],
      ['departure', { app: '', id: 'bob', keys: ['k'] }],
    ])
  })
})
