import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { Engine, hasEngine, withoutEngine } from '../../signal-redis/test/harness/engine.js'
import { admit, RoomStage, type RoomClient } from './harness/room-client.js'

/** Instances that share one Redis; each sees the others before the test begins. */
async function instances(engine: Engine, count = 2): Promise<RoomStage[]> {
  const stages = await Promise.all(
    Array.from({ length: count }, () => {
      const redis = new Redis(engine.url, { retryStrategy: () => 100 })
      redis.on('error', () => {})
      onTestFinished(() => redis.disconnect())
      return RoomStage.start({ redis })
    }),
  )
  await Promise.all(stages.map((stage) => works(stage)))
  await subscribed(engine, count)
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
    const [, number] = (await asker.pubsub('NUMSUB', 'signal-rooms-request#/#')) as [string, number]
    return number === count
  }, 'all instances to hear each other')
  asker.disconnect()
}

const created = async (client: RoomClient, room: string) => {
  client.emit('room-create-request', { room })
  await client.settled()
  return client.seenOf('room-create-accept').some((accepted) => accepted.room === room)
}

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
