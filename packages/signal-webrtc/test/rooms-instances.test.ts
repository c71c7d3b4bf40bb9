import { Redis } from 'ioredis'
import { LocalBus } from 'signal-server'
import { FaultyBus } from 'signal-server/testing'
import type { RoomsOptions } from 'signal-webrtc'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { RedisBus } from '../../signal-redis/src/index.js'
import { Engine, hasEngine, withoutEngine } from '../../signal-redis/test/harness/engine.js'
import { Served } from './harness/serve.js'
import { admit, RoomStage, type RoomClient } from './harness/room-client.js'

/** Instances that share one Redis; each has heard of the others before the test begins. */
async function instances(
  engine: Engine,
  count = 2,
  options: Partial<RoomsOptions> = {},
): Promise<RoomStage[]> {
  const stages = await Promise.all(
    Array.from({ length: count }, () => {
      const bus = new RedisBus(engine.url)
      onTestFinished(() => bus.close())
      return RoomStage.start(options, { bus })
    }),
  )
  await Promise.all(stages.map((stage) => works(stage)))
  return stages
}

/** Resolves when an instance can ask the others. */
async function works(stage: RoomStage): Promise<void> {
  const client = await stage.client()
  await eventually(async () => {
    client.emit('room-create-request')
    await client.settled()
    return client.seenOf('room-create-accept').length > 0
  }, 'a room to be created')
  client.socket.disconnect()
}

async function subscribed(engine: Engine, count: number): Promise<void> {
  const asker = new Redis(engine.url)
  await eventually(async () => {
    const [, number] = (await asker.pubsub('NUMSUB', 'signal:all')) as [string, number]
    return number === count
  }, 'all instances to hear each other')
  asker.disconnect()
}

const created = async (client: RoomClient, room: string) => {
  client.emit('room-create-request', { room })
  await client.settled()
  return client.seenOf('room-create-accept').some((accepted) => accepted.room === room)
}

test('a newcomer that leaves before it was let in everywhere is told of as gone to all who were shown it', async () => {
  const local = new LocalBus()
  const bus = new FaultyBus(local)
  const one = await RoomStage.start({}, { bus })
  const other = await RoomStage.start({}, { bus: local })
  const owner = await other.owner('r')
  const [leaving, staying] = [await one.client(), await other.client()]
  for (const client of [leaving, staying]) {
    client.emit('room-join-request', { room: 'r' })
    await owner.next('room-join-request')
  }
  // for a second the instance of the newcomer asks nobody
  bus.cut()
  bus.mend()
  for (const { id } of [leaving, staying]) {
    owner.emit('room-join-accept', { room: 'r', peer_id: id })
  }
  expect((await staying.next('room-join-accept')).peers).toContain(leaving.id)
  const { id } = leaving
  leaving.socket.disconnect()
  expect(await staying.next('room-user-leave')).toMatchObject({ room: 'r', peer_id: id })
})

describe.skipIf(!hasEngine)(`two instances on one Redis${withoutEngine}`, () => {
  test('share a room: join, descriptions, candidates and leave cross between them', async () => {
    const [one, other] = (await instances(await Engine.start())) as [RoomStage, RoomStage]
    const owner = await one.owner('r', { peerinfo: { login: 'ann' } })
    const member = await other.client({ peerinfo: { login: 'ben' } })
    member.emit('room-join-request', { room: 'r', payload: 'please' })
    expect(await owner.next('room-join-request')).toEqual({
      room: 'r',
      peer_id: member.id,
      peerinfo: { login: 'ben' },
      payload: 'please',
    })
    owner.emit('room-join-accept', { room: 'r', peer_id: member.id, payload: 'welcome' })
    expect(await member.next('room-join-accept')).toEqual({
      room: 'r',
      peer_id: member.id,
      peers: [owner.id],
      peersinfo: { [owner.id]: { login: 'ann' } },
      payload: 'welcome',
    })
    expect(await owner.next('room-user-join')).toEqual({
      room: 'r',
      peer_id: member.id,
      peerinfo: { login: 'ben' },
      payload: 'welcome',
    })
    const session_description = { type: 'offer', sdp: 'v=0' }
    member.emit('relay-session-description', { room: 'r', to: owner.id, session_description })
    expect(await owner.next('session-description')).toMatchObject({
      peer_id: member.id,
      session_description,
      peerinfo: { login: 'ben' },
    })
    for (let i = 0; i < 20; i++) {
      owner.emit('relay-ice-candidate', { room: 'r', to: member.id, ice_candidate: i })
    }
    for (let i = 0; i < 20; i++) {
      expect(await member.next('ice-candidate')).toMatchObject({ ice_candidate: i })
    }
    const { id } = member
    member.socket.disconnect()
    expect(await owner.next('room-user-leave')).toMatchObject({ room: 'r', peer_id: id })
  })

  test('room-create-request for a room of another instance is rejected until it is free', async () => {
    const [one, other] = (await instances(await Engine.start())) as [RoomStage, RoomStage]
    const owner = await one.owner('r')
    const thief = await other.client()
    expect(await created(thief, 'r')).toBe(false)
    owner.socket.disconnect()
    await eventually(() => created(thief, 'r'), 'the room to be free')
  })

  test('of many who create one room at the same time exactly one has it', async () => {
    const stages = await instances(await Engine.start(), 3)
    const clients = await Promise.all(stages.flatMap((stage) => [stage.client(), stage.client()]))
    for (let round = 0; round < 10; round++) {
      const room = `round ${round}`
      const won = await Promise.all(clients.map((client) => created(client, room)))
      expect(won.filter(Boolean), room).toHaveLength(1)
    }
  })

  test('only the owner decides, wherever it is, about candidates wherever they are', async () => {
    const [one, other] = (await instances(await Engine.start())) as [RoomStage, RoomStage]
    const owner = await one.owner('r')
    const member = await other.client()
    await admit(owner, member, 'r')
    const candidate = await other.client()
    candidate.emit('room-join-request', { room: 'r' })
    await owner.next('room-join-request')
    member.emit('room-join-accept', { room: 'r', peer_id: candidate.id })
    expect(await member.next('error')).toMatchObject({ code: 'forbidden' })
    for (const peer_id of ['nobody', member.id]) {
      owner.emit('room-join-accept', { room: 'r', peer_id })
      expect(await owner.next('error')).toMatchObject({ code: 'unknown_peer', peer_id })
    }
    owner.emit('room-join-reject', { room: 'r', peer_id: candidate.id, payload: 'no' })
    expect(await candidate.next('room-join-reject')).toMatchObject({ payload: 'no' })
    candidate.emit('relay-ice-candidate', { room: 'r', to: owner.id, ice_candidate: 1 })
    expect(await candidate.next('error')).toMatchObject({ code: 'forbidden' })
    owner.emit('relay-ice-candidate', { room: 'r', to: candidate.id, ice_candidate: 1 })
    expect(await owner.next('error')).toMatchObject({ code: 'unknown_peer' })
  })

  test('ownership passes to the longest-standing member of another instance, and back', async () => {
    const [one, other] = (await instances(await Engine.start())) as [RoomStage, RoomStage]
    const owner = await one.owner('r')
    const second = await other.client()
    await admit(owner, second, 'r')
    const third = await one.client()
    await admit(owner, third, 'r')
    const candidate = await one.client()
    candidate.emit('room-join-request', { room: 'r', payload: 'please' })
    await owner.next('room-join-request')
    owner.socket.disconnect()
    expect(await second.next('room-join-request')).toMatchObject({
      peer_id: candidate.id,
      payload: 'please',
    })
    second.emit('room-join-accept', { room: 'r', peer_id: candidate.id })
    expect(await candidate.next('room-join-accept')).toMatchObject({
      peers: [second.id, third.id],
    })
    second.socket.disconnect()
    await third.next('room-user-leave')
    await third.next('room-user-leave')
    await admit(third, await other.client(), 'r')
    expect(candidate.seenOf('room-join-request')).toEqual([])
  })

  test('a request is rejected when the last member leaves on another instance', async () => {
    const [one, other] = (await instances(await Engine.start())) as [RoomStage, RoomStage]
    const owner = await one.owner('r')
    const candidate = await other.client()
    candidate.emit('room-join-request', { room: 'r' })
    await owner.next('room-join-request')
    owner.socket.disconnect()
    await candidate.next('room-join-reject')
  })

  test('by long polling as well, with bytes in what members send each other', async () => {
    const [one, other] = (await instances(await Engine.start())) as [RoomStage, RoomStage]
    const polling = { transports: ['polling'] }
    const photo = Buffer.from([0, 1, 255])
    const owner = await one.client({ peerinfo: { name: 'ann' } }, polling)
    owner.emit('room-create-request', { room: 'r' })
    await owner.next('room-create-accept')
    const member = await other.client({ peerinfo: { name: 'ben' } }, polling)
    member.emit('room-join-request', { room: 'r', payload: [photo, 'please'] })
    expect(await owner.next('room-join-request')).toMatchObject({
      peerinfo: { name: 'ben' },
      payload: [photo, 'please'],
    })
    owner.emit('room-join-accept', { room: 'r', peer_id: member.id, payload: { photo } })
    expect(await member.next('room-join-accept')).toMatchObject({
      peersinfo: { [owner.id]: { name: 'ann' } },
      payload: { photo },
    })
    expect(await owner.next('room-user-join')).toMatchObject({ payload: { photo } })
    for (const client of [owner, member]) {
      expect(client.socket.io.engine.transport.name).toBe('polling')
    }
    member.emit('relay-ice-candidate', { room: 'r', to: owner.id, ice_candidate: photo })
    expect(await owner.next('ice-candidate')).toMatchObject({ ice_candidate: photo })
    member.socket.disconnect()
    expect(await owner.next('room-user-leave')).toMatchObject({ peerinfo: { name: 'ben' } })
  })

  test('an instance without rooms, as during a rollout, is not waited for', async () => {
    const engine = await Engine.start()
    const bus = new RedisBus(engine.url)
    onTestFinished(() => bus.close())
    await Served.start([], { bus })
    const [one] = (await instances(engine, 1)) as [RoomStage]
    // a room is refused if an instance gives no answer
    expect(await created(await one.client(), 'r')).toBe(true)
  })

  test('a room of 500 on two: all are told of all, the next one is refused, and leaves are told', async () => {
    const fast = { messagesPerSecond: 100_000, messagesBurst: 100_000 }
    const stages = await instances(await Engine.start(), 2, fast)
    const owner = await stages[0]!.owner('r')
    owner.socket.on('room-join-request', ({ peer_id }) => {
      owner.emit('room-join-accept', { room: 'r', peer_id })
    })
    const members: RoomClient[] = []
    const joins = (client: RoomClient) => client.seenOf('room-user-join').length
    for (let n = 1; n < 500; n++) {
      const member = await stages[n % 2]!.client({ peerinfo: { n } })
      member.emit('room-join-request', { room: 'r' })
      const { peers } = await member.next('room-join-accept')
      expect(peers).toHaveLength(n)
      members.push(member)
    }
    const all = [owner, ...members]
    await eventually(
      () => all.every((client, n) => joins(client) === 499 - n),
      () =>
        all
          .flatMap((client, n) => (joins(client) === 499 - n ? [] : [`${n}: ${joins(client)}`]))
          .join(),
    )
    const late = await stages[1]!.client()
    late.emit('room-join-request', { room: 'r' })
    expect(await owner.next('error')).toMatchObject({ code: 'room_full' })
    members[0]!.socket.disconnect()
    const rest = [owner, ...members.slice(1)]
    await eventually(
      () => rest.every((client) => client.seenOf('room-user-leave').length === 1),
      'leaves',
    )
  }, 60_000)

  test('apps never share rooms across instances either', async () => {
    const [one, other] = (await instances(await Engine.start())) as [RoomStage, RoomStage]
    const owner = await one.owner('r')
    const stranger = await (await other.other('another app')).owner('r')
    stranger.emit('relay-ice-candidate', { room: 'r', to: owner.id, ice_candidate: 1 })
    expect(await stranger.next('error')).toMatchObject({ code: 'unknown_peer' })
  })

  test('no token passes through Redis', async () => {
    const engine = await Engine.start()
    const [one, other] = (await instances(engine)) as [RoomStage, RoomStage]
    const redis = new Redis(engine.url)
    const watcher = await redis.monitor()
    redis.disconnect()
    onTestFinished(() => watcher.disconnect())
    const commands: string[] = []
    watcher.on('monitor', (_time: string, args: string[]) => commands.push(args.join(' ')))
    const owner = await one.owner('r')
    const member = await other.client()
    await admit(owner, member, 'r')
    await eventually(() => commands.some((command) => command.includes(member.id)), 'commands')
    for (const token of [one.appToken, owner.token, member.token]) {
      expect(commands.join('\n')).not.toContain(token)
    }
  })

  test('while Redis is gone members of one instance go on, and new rooms are refused; then all is well', async () => {
    const engine = await Engine.start()
    const [one, other] = (await instances(engine)) as [RoomStage, RoomStage]
    const owner = await one.owner('r')
    const near = await one.member(owner, 'r')
    const far = await other.client()
    await admit(owner, far, 'r')
    await engine.kill()

    const exchange = async () => {
      owner.emit('relay-ice-candidate', { room: 'r', to: near.id, ice_candidate: 'near' })
      expect(await near.next('ice-candidate')).toMatchObject({ ice_candidate: 'near' })
    }
    await exchange()
    owner.emit('relay-ice-candidate', { room: 'r', to: far.id, ice_candidate: 'far' })
    expect(await owner.next('error')).toMatchObject({ code: 'server_full' })
    near.emit('room-create-request', { room: 'another' })
    expect(await near.next('room-create-reject')).toMatchObject({
      message: expect.stringContaining('try again'),
    })
    await exchange()

    await engine.run()
    await eventually(() => created(near, 'another'), 'a room to be created again')
    await subscribed(engine, 2)
    owner.emit('relay-ice-candidate', { room: 'r', to: far.id, ice_candidate: 'again' })
    expect(await far.next('ice-candidate')).toMatchObject({ ice_candidate: 'again' })
    expect(await created(far, 'another')).toBe(false)
  })

  test('while Redis is frozen nobody waits for longer than a moment', async () => {
    const engine = await Engine.start()
    const [one] = (await instances(engine)) as [RoomStage, RoomStage]
    const owner = await one.owner('r')
    const near = await one.member(owner, 'r')
    engine.freeze()
    const start = performance.now()
    owner.emit('relay-ice-candidate', { room: 'r', to: near.id, ice_candidate: 1 })
    await near.next('ice-candidate')
    expect(performance.now() - start).toBeLessThan(1_000)
    near.emit('room-create-request', { room: 'another' })
    await near.next('room-create-reject')
    engine.thaw()
    await eventually(() => created(near, 'another'), 'a room to be created again')
  })
})
