import { expect, test } from 'vitest'
import { admit, RoomStage, type Data } from './harness/room-client.js'

const ann = { login: 'ann' }
const ben = { login: 'ben' }
const cleo = { login: 'cleo' }

test('room-create-request is answered with room-create-accept', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.client()
  owner.emit('room-create-request', { room: 'test-room', payload: { foo: 'bar' } })
  expect(await owner.next('room-create-accept')).toEqual({
    room: 'test-room',
    payload: { foo: 'bar' },
  })
})

test('room-create-request without a room is given a name', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.client()
  for (const room of [undefined, null, '']) {
    owner.emit('room-create-request', { room })
    expect(await owner.next('room-create-accept')).toEqual({
      room: expect.stringMatching(/^[\w-]{36}$/),
    })
  }
})

test('room-create-request for a room that is there is answered with room-create-reject', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r')
  const thief = await stage.client()
  thief.emit('room-create-request', { room: 'r', payload: 1 })
  expect(await thief.next('room-create-reject')).toEqual({
    message: expect.stringContaining('taken'),
    payload: 1,
  })
  owner.emit('room-create-request', { room: 'r' })
  await owner.next('room-create-reject')
})

test('room-join-request goes to the owner alone, with peer_id, peerinfo and payload', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r', { peerinfo: ann })
  const member = await stage.member(owner, 'r', { peerinfo: ben })
  const candidate = await stage.client({ peerinfo: cleo })
  candidate.emit('room-join-request', {
    room: 'r',
    peer_id: 'another',
    payload: { user_login: 'c' },
  })
  expect(await owner.next('room-join-request')).toEqual({
    room: 'r',
    peer_id: candidate.id,
    peerinfo: cleo,
    payload: { user_login: 'c' },
  })
  await member.settled()
  expect(member.seenOf('room-join-request')).toEqual([])
})

test('room-join-request for a room that is not there is answered with room-join-reject', async () => {
  const stage = await RoomStage.start()
  const candidate = await stage.client()
  candidate.emit('room-join-request', { room: 'r', payload: 2 })
  expect(await candidate.next('room-join-reject')).toEqual({
    message: expect.any(String),
    payload: 2,
  })
  candidate.emit('room-join-request', {})
  expect(await candidate.next('room-join-reject')).toMatchObject({ message: expect.any(String) })
})

test('room-join-request by somebody who is in the room is answered with room-join-reject', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r')
  const member = await stage.member(owner, 'r')
  for (const client of [owner, member]) {
    client.emit('room-join-request', { room: 'r' })
    await client.next('room-join-reject')
  }
})

test('room-join-accept brings peers and peersinfo to the candidate, and room-user-join to the others', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r', { peerinfo: ann })
  const member = await stage.member(owner, 'r', { peerinfo: ben })
  const candidate = await stage.client({ peerinfo: cleo })
  candidate.emit('room-join-request', { room: 'r' })
  const { peer_id } = await owner.next('room-join-request')
  owner.emit('room-join-accept', { room: 'r', peer_id, to: peer_id, payload: 'welcome' })
  expect(await candidate.next('room-join-accept')).toEqual({
    room: 'r',
    peer_id: candidate.id,
    peers: [owner.id, member.id],
    peersinfo: { [owner.id]: ann, [member.id]: ben },
    payload: 'welcome',
  })
  const joined = { room: 'r', peer_id: candidate.id, peerinfo: cleo, payload: 'welcome' }
  expect(await member.next('room-user-join')).toEqual(joined)
  expect(await owner.next('room-user-join')).toEqual(joined)
  await candidate.settled()
  expect(candidate.seenOf('room-user-join')).toEqual([])
})

test('room-join-accept by peer_id alone, and by to alone', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r')
  for (const field of ['peer_id', 'to']) {
    const candidate = await stage.client()
    candidate.emit('room-join-request', { room: 'r' })
    await owner.next('room-join-request')
    owner.emit('room-join-accept', { room: 'r', [field]: candidate.id })
    await candidate.next('room-join-accept')
  }
})

test('room-join-reject reaches the candidate, who may ask again', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r')
  const candidate = await stage.client()
  candidate.emit('room-join-request', { room: 'r' })
  const { peer_id } = await owner.next('room-join-request')
  owner.emit('room-join-reject', { room: 'r', peer_id, to: peer_id, payload: 'full' })
  expect(await candidate.next('room-join-reject')).toEqual({
    room: 'r',
    peer_id: candidate.id,
    message: expect.any(String),
    payload: 'full',
  })
  await admit(owner, candidate, 'r')
})

test.each(['room-join-accept', 'room-join-reject'])(
  '%s by a member, a stranger or the candidate is refused',
  async (event) => {
    const stage = await RoomStage.start()
    const owner = await stage.owner('r')
    const member = await stage.member(owner, 'r')
    const stranger = await stage.owner('another room')
    const candidate = await stage.client()
    candidate.emit('room-join-request', { room: 'r' })
    await owner.next('room-join-request')
    for (const client of [member, stranger, candidate]) {
      client.emit(event, { room: 'r', peer_id: candidate.id, to: candidate.id })
      expect(await client.next('error')).toMatchObject({ code: 'forbidden', event, room: 'r' })
    }
    await candidate.settled()
    expect(candidate.seen.map(({ event: name }) => name)).not.toContain(event)
    owner.emit('room-join-accept', { room: 'r', peer_id: candidate.id })
    await candidate.next('room-join-accept')
  },
)

test.each(['room-join-accept', 'room-join-reject'])(
  '%s for somebody who has not asked is refused',
  async (event) => {
    const stage = await RoomStage.start()
    const owner = await stage.owner('r')
    const bystander = await stage.client()
    for (const peer_id of [bystander.id, 'nobody']) {
      owner.emit(event, { room: 'r', peer_id })
      expect(await owner.next('error')).toMatchObject({ code: 'unknown_peer', peer_id })
    }
    await bystander.settled()
    expect(bystander.seenOf(event)).toEqual([])
  },
)

test('room-user-leave reaches the members, with peerinfo', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r', { peerinfo: ann })
  const member = await stage.member(owner, 'r', { peerinfo: ben })
  const stranger = await stage.owner('another room')
  const { id } = member
  member.socket.disconnect()
  const left = { room: 'r', peer_id: id, peerinfo: ben }
  expect(await owner.next('room-user-leave')).toEqual(left)
  await stranger.settled()
  expect(stranger.seenOf('room-user-leave')).toEqual([])
})

test('peerinfo is null for who has given none', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r')
  const candidate = await stage.client()
  const { peersinfo } = await admit(owner, candidate, 'r')
  expect(peersinfo).toEqual({ [owner.id]: null })
  expect(await owner.next('room-user-join')).toMatchObject({ peerinfo: null })
})

test('relay-session-description reaches one member as session-description', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r', { peerinfo: ann })
  const member = await stage.member(owner, 'r', { peerinfo: ben })
  const third = await stage.member(owner, 'r')
  const session_description = { type: 'offer', sdp: 'v=0' }
  member.emit('relay-session-description', {
    to: owner.id,
    peer_id: owner.id,
    room: 'r',
    session_description,
    payload: 'p',
  })
  expect(await owner.next('session-description')).toEqual({
    room: 'r',
    peer_id: member.id,
    session_description,
    peerinfo: ben,
    payload: 'p',
  })
  await third.settled()
  expect(third.seenOf('session-description')).toEqual([])
})

test('relay-ice-candidate reaches one member as ice-candidate', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r', { peerinfo: ann })
  const member = await stage.member(owner, 'r', { peerinfo: ben })
  const ice_candidate = { candidate: 'candidate:1', sdpMLineIndex: 0 }
  owner.emit('relay-ice-candidate', {
    to: member.id,
    peer_id: member.id,
    room: 'r',
    ice_candidate,
    payload: 'p',
  })
  expect(await member.next('ice-candidate')).toEqual({
    room: 'r',
    peer_id: owner.id,
    ice_candidate,
    peerinfo: ann,
    payload: 'p',
  })
})

const relays: [string, string][] = [
  ['relay-session-description', 'session-description'],
  ['relay-ice-candidate', 'ice-candidate'],
]

test.each(relays)('%s by peer_id alone, and by to alone', async (event, arrival) => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r')
  const member = await stage.member(owner, 'r')
  for (const field of ['peer_id', 'to']) {
    member.emit(event, { room: 'r', [field]: owner.id, payload: field })
    expect(await owner.next(arrival)).toMatchObject({ peer_id: member.id, payload: field })
  }
})

test.each(relays)('%s passes only between members of one room', async (event, arrival) => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r')
  const stranger = await stage.owner('another room')
  const candidate = await stage.client()
  candidate.emit('room-join-request', { room: 'r' })
  await owner.next('room-join-request')
  const refused: [typeof owner, Data, string][] = [
    [candidate, { room: 'r', to: owner.id }, 'forbidden'],
    [stranger, { room: 'r', to: owner.id }, 'forbidden'],
    [stranger, { room: 'another room', to: owner.id }, 'unknown_peer'],
    [owner, { room: 'r', to: stranger.id }, 'unknown_peer'],
    [owner, { room: 'r', to: candidate.id }, 'unknown_peer'],
    [owner, { room: 'r', to: 'nobody' }, 'unknown_peer'],
    [owner, { to: stranger.id }, 'bad_message'],
  ]
  for (const [client, data, code] of refused) {
    client.emit(event, data)
    expect(await client.next('error')).toMatchObject({ code, event })
  }
  for (const client of [owner, stranger, candidate]) {
    await client.settled()
    expect(client.seenOf(arrival)).toEqual([])
  }
})

test('the longest-standing member owns the room when its owner has left', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r')
  const second = await stage.member(owner, 'r')
  const third = await stage.member(owner, 'r')
  owner.socket.disconnect()
  await third.next('room-user-leave')
  const candidate = await stage.client()
  await admit(second, candidate, 'r')
  expect(third.seenOf('room-join-request')).toEqual([])
  second.socket.disconnect()
  await candidate.next('room-user-leave')
  await admit(third, await stage.client(), 'r')
})

test('room-join-request that the owner has not answered is shown to the next owner', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r')
  const second = await stage.member(owner, 'r')
  const candidate = await stage.client({ peerinfo: cleo })
  candidate.emit('room-join-request', { room: 'r', payload: 'please' })
  await owner.next('room-join-request')
  owner.socket.disconnect()
  expect(await second.next('room-join-request')).toEqual({
    room: 'r',
    peer_id: candidate.id,
    peerinfo: cleo,
    payload: 'please',
  })
  second.emit('room-join-accept', { room: 'r', peer_id: candidate.id })
  await candidate.next('room-join-accept')
})

test('room-join-request is rejected when the room ends before it was answered', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r')
  const candidate = await stage.client()
  candidate.emit('room-join-request', { room: 'r', payload: 'please' })
  await owner.next('room-join-request')
  owner.socket.disconnect()
  expect(await candidate.next('room-join-reject')).toMatchObject({ payload: 'please' })
})

test('a room without members is free again', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r')
  const member = await stage.member(owner, 'r')
  owner.socket.disconnect()
  await member.next('room-user-leave')
  member.socket.disconnect()
  await expect.poll(() => stage.served.stats('rooms').rooms).toBe(0)
  await stage.owner('r')
})

test('apps never share rooms', async () => {
  const stage = await RoomStage.start()
  const other = await stage.other('another app')
  const owner = await stage.owner('r')
  const namesake = await other.owner('r')
  const member = await other.member(namesake, 'r')
  for (const to of [owner.id]) {
    member.emit('relay-ice-candidate', { room: 'r', to, ice_candidate: {} })
    expect(await member.next('error')).toMatchObject({ code: 'unknown_peer' })
  }
  const candidate = await stage.client()
  candidate.emit('room-join-request', { room: 'r' })
  await owner.next('room-join-request')
  namesake.emit('room-join-accept', { room: 'r', peer_id: candidate.id })
  expect(await namesake.next('error')).toMatchObject({ code: 'unknown_peer' })
  member.socket.disconnect()
  await namesake.next('room-user-leave')
  await owner.settled()
  expect(owner.seenOf('room-user-leave')).toEqual([])
  expect(owner.seenOf('room-join-request')).toHaveLength(1)
})

test('rooms may be called anything, such as the id of another client', async () => {
  const stage = await RoomStage.start()
  const victim = await stage.client()
  const owner = await stage.client()
  for (const room of ['__proto__', 'constructor', victim.id, 'a"],["b', '🐟']) {
    owner.emit('room-create-request', { room })
    expect(await owner.next('room-create-accept')).toEqual({ room })
    await admit(owner, await stage.client(), room)
  }
  await victim.settled()
  expect(victim.seenOf('room-user-join')).toEqual([])
})

test('nothing is kept of clients that are gone', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r')
  const member = await stage.member(owner, 'r')
  const candidate = await stage.client()
  candidate.emit('room-join-request', { room: 'r' })
  await owner.next('room-join-request')
  for (const client of [owner, member, candidate]) client.socket.disconnect()
  await stage.served.empty()
})
