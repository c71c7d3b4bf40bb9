import { once } from 'node:events'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually, within } from '../../signal-server/test/harness/arrivals.js'
import { Engine, hasEngine, withoutEngine } from '../../signal-redis/test/harness/engine.js'
import { Instance } from '../../signal-redis/test/harness/instance.js'
import { admit, RoomClient, tokens } from './harness/room-client.js'

const script = new URL('harness/serve-rooms.mjs', import.meta.url)
// how soon it must be told that an instance is dead
const deadline = 15_000

/** Two processes on one Redis that hear each other. */
async function stage(): Promise<[Instance, Instance, Redis]> {
  const engine = await Engine.start()
  const one = await Instance.start(engine.url, {}, script)
  const other = await Instance.start(engine.url, {}, script)
  const asker = new Redis(engine.url)
  onTestFinished(() => asker.disconnect())
  return [one, other, asker]
}

async function client({ port }: Instance, login: string): Promise<RoomClient> {
  const token = await tokens.issue({ app: 'an app' })
  const client = await RoomClient.connect(`http://127.0.0.1:${port}`, token)
  return client.authorize(token, { peerinfo: { login } })
}

async function owner(instance: Instance, login: string): Promise<RoomClient> {
  const owner = await client(instance, login)
  owner.emit('room-create-request', { room: 'r' })
  await owner.next('room-create-accept')
  return owner
}

/** Resolves when a client was told an event of a room, with the ids that it was about. */
async function told(client: RoomClient, event: string, ids: string[]): Promise<void> {
  const peers = () => client.seenOf(event).map(({ peer_id }) => peer_id)
  await eventually(() => peers().length >= ids.length, `${event} ${ids.length} times`, deadline)
  expect(peers().sort()).toEqual([...ids].sort())
}

/** Resolves when an instance asks the others. */
async function question(listener: Redis): Promise<void> {
  for (;;) {
    const [, message] = (await once(listener, 'message')) as [string, string]
    if (message.startsWith('{"t":"ask"')) return
  }
}

const title = `two processes on one Redis${withoutEngine}`

describe.skipIf(!hasEngine)(title, { timeout: 60_000 }, () => {
  test('when one is killed the members on the other are told, one of them owns the room, and it is free when they have left', async () => {
    const [one, other] = await stage()
    const ann = await owner(one, 'ann')
    const ben = await client(one, 'ben')
    await admit(ann, ben, 'r')
    const cleo = await client(other, 'cleo')
    await admit(ann, cleo, 'r')
    const dan = await client(other, 'dan')
    dan.emit('room-join-request', { room: 'r', payload: 'please' })
    await ann.next('room-join-request')
    const gone = [ann.id, ben.id]
    await one.kill()

    await told(cleo, 'room-user-leave', gone)
    expect(cleo.seenOf('room-user-leave')).toContainEqual({
      room: 'r',
      peer_id: gone[1],
      peerinfo: { login: 'ben' },
    })
    // what the owner had not answered is the next owner's to answer
    expect(await cleo.next('room-join-request')).toMatchObject({
      peer_id: dan.id,
      payload: 'please',
    })
    cleo.emit('room-join-accept', { room: 'r', peer_id: dan.id })
    expect(await dan.next('room-join-accept')).toMatchObject({ peers: [cleo.id] })

    for (const member of [cleo, dan]) member.socket.disconnect()
    const next = await client(other, 'eve')
    await eventually(async () => {
      next.emit('room-create-request', { room: 'r' })
      await next.settled()
      return next.seenOf('room-create-accept').length > 0
    }, 'the room to be free')
  })

  test('when one stands still its members are gone, and join again when it goes on', async () => {
    const [one, other] = await stage()
    const ann = await owner(one, 'ann')
    const ben = await client(other, 'ben')
    await admit(ann, ben, 'r')
    const { id } = ann
    await one.kill('SIGSTOP')
    await told(ben, 'room-user-leave', [id])
    await one.kill('SIGCONT')
    await told(ben, 'room-user-join', [id])
    expect(await ben.next('room-user-join')).toEqual({
      room: 'r',
      peer_id: id,
      peerinfo: { login: 'ann' },
    })
    ann.emit('relay-ice-candidate', { room: 'r', to: ben.id, ice_candidate: 1 })
    expect(await ben.next('ice-candidate')).toMatchObject({ peer_id: id })
    // it knows that it stood still itself, and not the others
    expect(ann.seenOf('room-user-leave')).toEqual([])
    ann.socket.disconnect()
    await told(ben, 'room-user-leave', [id, id])
  })

  test('when a room was created again while an instance stood still, all are told of each other, and the first owns it', async () => {
    const [one, other] = await stage()
    const ann = await owner(one, 'ann')
    const eve = await client(other, 'eve')
    await one.kill('SIGSTOP')
    const created = async () => {
      eve.emit('room-create-request', { room: 'r' })
      await eve.settled()
      return eve.seenOf('room-create-accept').length > 0
    }
    await eventually(created, 'the room of an instance that counts as dead', deadline)
    await one.kill('SIGCONT')
    await told(eve, 'room-user-join', [ann.id])
    await told(ann, 'room-user-join', [eve.id])
    const dan = await client(other, 'dan')
    await admit(ann, dan, 'r')
  })

  test('what somebody publishes that is no message of an instance ends none', async () => {
    const [one, other, stranger] = await stage()
    const ann = await owner(one, 'ann')
    const hostile = ['', 'null', '{}', '[]', '\xc1']
    const room = 'room:["an app","r"]'
    const deep = JSON.parse('['.repeat(1_000) + ']'.repeat(1_000)) as unknown
    const contents: unknown[] = [
      null,
      {},
      'x',
      { $bytes: { length: 4_294_967_296 } },
      ['came', room, deep],
      ['came', 'room:nonsense', { peer_id: 'x' }],
      ['emit', room, ann.id, 'disconnect', {}],
      ['emit', room, ann.id, 'ice-candidate', deep],
      ['place', { app: 'an app', room: 'r', id: ann.id, since: 1, payload: deep }],
    ]
    for (const kind of ['members', 'place', 'prove', 'came', 'emit', '__proto__']) {
      for (const part of [null, 'x', {}, [], ann.id, room]) contents.push([kind, part, part])
    }
    const messages = contents.flatMap((content) => [
      { t: 'ask', endpoint: 'rooms', n: 1, question: content },
      { t: 'answer', endpoint: 'rooms', n: 1, answer: content },
      { t: 'news', endpoint: 'rooms', news: content },
      { t: 'alive', answers: content },
      { t: 'present', endpoint: 'rooms', app: content, peers: [{ id: 'a', since: 1 }] },
      { t: 'present', endpoint: 'rooms', app: 'x', peers: [{ id: 'a', since: 1, info: content }] },
      { t: 'present', endpoint: 'rooms', app: room, peers: [{ id: 'b', since: 1, info: content }] },
    ])
    for (const message of hostile) await stranger.publish('signal:all', message)
    await stranger.publish('signal:all', Buffer.from([0xc0]))
    for (const message of messages) {
      await stranger.publish('signal:all', JSON.stringify({ ...message, instance: 'a stranger' }))
    }
    // it says that it is gone, as the instances would wait for its answers otherwise
    await stranger.publish('signal:all', JSON.stringify({ t: 'bye', instance: 'a stranger' }))
    const ben = await client(other, 'ben')
    await admit(ann, ben, 'r')
    // nothing holds up what members are told
    ben.emit('relay-ice-candidate', { room: 'r', to: ann.id, ice_candidate: 1 })
    expect(await ann.next('ice-candidate')).toMatchObject({ peer_id: ben.id })
  })

  test('row 52: what one instance asks another of a room is as much however many other rooms its members have', async () => {
    const [one, other, engine] = await stage()
    const ann = await owner(one, 'ann')
    const ben = await client(other, 'ben')
    /** Bytes that the engine gets while ben wants a room that is taken. */
    const traffic = async () => {
      const received = async () =>
        Number(/total_net_input_bytes:(\d+)/.exec(await engine.info('stats'))![1])
      const before = await received()
      for (let n = 0; n < 10; n++) ben.emit('room-create-request', { room: 'r' })
      for (let n = 0; n < 10; n++) await ben.next('room-create-reject')
      return (await received()) - before
    }
    const alone = await traffic()
    for (let n = 0; n < 90; n++) {
      ann.emit('room-create-request', { room: `${n} ${'x'.repeat(200)}` })
      await ann.next('room-create-accept')
    }
    expect(await traffic()).toBeLessThan(3 * alone)
  })

  test('a client that wants the name of a room hears nothing of it while instances are asked', async () => {
    const [one, other, engine] = await stage()
    const ann = await owner(one, 'ann')
    const ben = await client(one, 'ben')
    await admit(ann, ben, 'r')
    const stranger = await client(one, 'a stranger')
    // an instance without clients is not asked; this one does not answer, so that the claim lasts
    await client(other, 'somebody')
    await other.kill('SIGSTOP')
    await engine.subscribe('signal:all')
    const asked = within(question(engine), 'a question to the other instance')
    stranger.emit('room-create-request', { room: 'r' })
    await asked
    ben.socket.disconnect()
    await ann.next('room-user-leave')
    expect((await stranger.next('room-create-reject')).message).toBeDefined()
    expect(stranger.seenOf('room-user-leave')).toEqual([])
  })
})
