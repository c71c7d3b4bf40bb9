import { Tokens } from 'signal-server'
import { rooms } from 'signal-webrtc'
import { expect, test } from 'vitest'
import { RoomClient, RoomStage, tokens } from './harness/room-client.js'
import { Served } from './harness/serve.js'

const password = 'demo-chat-password'

async function post(served: Served, body: string | URLSearchParams, json = false) {
  const headers = json ? { 'Content-Type': 'application/json' } : undefined
  const response = await fetch(`${served.http}/app`, {
    method: 'POST',
    body,
    ...(headers && { headers }),
  })
  return { status: response.status, body: await response.json() }
}

test('POST /app gives an app token for the password, to a form or JSON', async () => {
  const served = await Served.start(rooms({ tokens, password }))
  const fields = { app: 'demo-chat-test', password }
  for (const answer of [
    await post(served, new URLSearchParams(fields)),
    await post(served, JSON.stringify(fields), true),
  ]) {
    expect(answer).toEqual({
      status: 200,
      body: { status: 200, error: null, response: { token: expect.any(String) } },
    })
    const { token } = answer.body.response
    const client = await RoomClient.connect(served.http, token)
    await client.authorize(token)
  }
})

test('POST /app with a wrong password is answered with 401, without an app with 400', async () => {
  const served = await Served.start(rooms({ tokens, password }))
  const wrong = await post(served, new URLSearchParams({ app: 'a', password: 'guess' }))
  expect(wrong).toMatchObject({ status: 401, body: { status: 401, response: null } })
  const none = await post(served, new URLSearchParams({ password }))
  expect(none).toMatchObject({ status: 400, body: { status: 400, response: null } })
})

test('POST /app is not there where no password is set', async () => {
  const served = await Served.start(rooms({ tokens }))
  expect((await fetch(`${served.http}/app`, { method: 'POST' })).status).toBe(404)
})

test.each([
  ['none', undefined],
  ['a malformed one', 'x.y.z'],
  ['no text', 7],
  ['one that another secret signed', 'forged'],
  ['an expired one', 'expired'],
])('a handshake whose auth.token is %s is refused', async (_what, token) => {
  const served = await Served.start(rooms({ tokens }))
  const other = new Tokens({ secret: 'another secret of thirty-two bytes' })
  let sent: unknown = token
  if (token === 'forged') sent = await other.issue({ app: 'a' })
  if (token === 'expired') {
    sent = await tokens.issue({ app: 'a', expiresIn: 0.001 })
    await expect.poll(() => tokens.check(sent as string).catch(() => 'expired')).toBe('expired')
  }
  await expect(RoomClient.connect(served.http, sent)).rejects.toThrow('Token is not valid')
})

test('auth-request is answered with auth-accept: a session token, and the payload', async () => {
  const stage = await RoomStage.start()
  const client = await RoomClient.connect(stage.served.http, stage.appToken)
  client.socket.emit('auth-request', {
    token: stage.appToken,
    peerinfo: { user_db_id: 10 },
    payload: { foo: 'bar' },
  })
  expect(await client.next('auth-accept')).toEqual({
    token: expect.any(String),
    payload: { foo: 'bar' },
  })
})

test('auth-request takes the bare token too', async () => {
  const stage = await RoomStage.start()
  const client = await RoomClient.connect(stage.served.http, stage.appToken)
  client.socket.emit('auth-request', stage.appToken)
  expect(await client.next('auth-accept')).toEqual({ token: expect.any(String) })
})

test('auth-request with a token that is not good, or another app’s, is answered with auth-reject', async () => {
  const stage = await RoomStage.start()
  const other = await stage.other('another app')
  const client = await RoomClient.connect(stage.served.http, stage.appToken)
  for (const token of ['none', undefined, 7, other.appToken]) {
    client.socket.emit('auth-request', { token, payload: 'p' })
    expect(await client.next('auth-reject')).toEqual({
      message: 'Token is not valid',
      payload: 'p',
    })
  }
})

test.each([
  'room-create-request',
  'room-join-request',
  'room-join-accept',
  'room-join-reject',
  'relay-session-description',
  'relay-ice-candidate',
])('%s without a session token is answered with unauthorized', async (event) => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r')
  const client = await stage.client()
  for (const auth of [undefined, null, 'guess', {}, stage.appToken]) {
    client.socket.emit(event, { auth, room: 'r', to: owner.id, peer_id: owner.id })
    expect(await client.next('unauthorized')).toEqual({ message: 'Token is not valid' })
  }
  for (const data of [undefined, null, 'text', []]) {
    client.socket.emit(event, data)
    expect(await client.next('unauthorized')).toEqual({ message: 'Token is not valid' })
  }
  await owner.settled()
  expect(owner.seen.map((seen) => seen.event)).toEqual([
    'auth-accept',
    'room-create-accept',
    'auth-reject',
  ])
})

test('unauthorized: a session token is its own client’s alone', async () => {
  const stage = await RoomStage.start()
  const [one, other] = [await stage.client(), await stage.client()]
  other.socket.emit('room-create-request', { auth: one.token })
  await other.next('unauthorized')
  one.socket.emit('room-create-request', { auth: one.token })
  await one.next('room-create-accept')
})

test('unauthorized: a session token expires after its lifetime', async () => {
  const stage = await RoomStage.start({ tokenLifetime: 0.05 })
  const client = await stage.client()
  await expect
    .poll(() => {
      client.emit('room-create-request')
      return client.seenOf('unauthorized').length
    })
    .toBeGreaterThan(0)
  await client.authorize(stage.appToken)
  client.emit('room-create-request', { room: 'r' })
  await client.next('room-create-accept')
})

test('auth-request with a session token gives another one, while it is good', async () => {
  const stage = await RoomStage.start()
  const client = await stage.client()
  const first = client.token
  await client.authorize(first)
  expect(client.token).not.toBe(first)
  for (const auth of [first, client.token]) {
    client.socket.emit('room-create-request', { auth })
    await client.next('room-create-accept')
  }
})

test('a client whose app token is revoked is told unauthorized and sent away', async () => {
  const stage = await RoomStage.start({}, { pingInterval: 200 })
  const owner = await stage.owner('r')
  const bystander = await stage.other('another app')
  const other = await bystander.client()
  tokens.revoke(stage.appToken)
  expect(await owner.next('unauthorized')).toEqual({ message: 'Token is not valid' })
  expect(await owner.ended).toBe('io server disconnect')
  await other.settled()
  await expect(RoomClient.connect(stage.served.http, stage.appToken)).rejects.toThrow()
})

test('a token that names keys opens the rooms of these names alone', async () => {
  const stage = await RoomStage.start()
  const token = await tokens.issue({ app: 'an app', keys: ['team-*'] })
  const client = await RoomClient.connect(stage.served.http, token)
  await client.authorize(token)
  client.emit('room-create-request', { room: 'team-1' })
  await client.next('room-create-accept')
  client.emit('room-create-request', { room: 'others' })
  await client.next('room-create-reject')
  const owner = await stage.owner('others')
  client.emit('room-join-request', { room: 'others' })
  await client.next('room-join-reject')
  await owner.settled()
  expect(owner.seenOf('room-join-request')).toEqual([])
})

test('the server’s own authorize is not asked about clients of rooms, and decides about all others', async () => {
  const stage = await RoomStage.start({}, { authorize: tokens.authorize })
  await stage.owner('r')
  await expect(stage.served.client('/introduction/a')).rejects.toThrow('401')
})
