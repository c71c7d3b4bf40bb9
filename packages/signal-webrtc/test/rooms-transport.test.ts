import { expect, test } from 'vitest'
import { io } from 'socket.io-client'
import { eventually, within } from '../../signal-server/test/harness/arrivals.js'
import { PollingClient } from './harness/polling.js'
import { admit, RoomClient, RoomStage } from './harness/room-client.js'

test('long polling: a client that never upgrades creates a room and lets another in', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.client({}, { transports: ['polling'] })
  owner.emit('room-create-request', { room: 'r' })
  await owner.next('room-create-accept')
  expect(owner.socket.io.engine.transport.name).toBe('polling')
  const member = await stage.client({}, { transports: ['polling'] })
  await admit(owner, member, 'r')
  member.socket.disconnect()
  await owner.next('room-user-leave')
  owner.socket.disconnect()
  await stage.served.empty()
})

test('long polling that upgrades to a WebSocket, as clients do by themselves', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.client({}, { transports: ['polling', 'websocket'] })
  await expect.poll(() => owner.socket.io.engine.transport.name).toBe('websocket')
  owner.emit('room-create-request', { room: 'r' })
  await owner.next('room-create-accept')
  expect(stage.served.server.stats().sockets).toBe(1)
  owner.socket.disconnect()
  await stage.served.empty()
})

test('row 52: rooms: what long polling has brought before an upgrade is carried out, in order', async () => {
  const stage = await RoomStage.start({ messagesBurst: 1e9 })
  const client = await PollingClient.connect(stage.served.port, stage.appToken)
  const webSocket = await client.probe()
  const numbers = Array.from({ length: 900 }, (_, n) => n)
  const packet = (payload: number) => `42${JSON.stringify(['auth-request', { payload }])}`
  const sendRest = await client.begin(...numbers.map(packet))
  await eventually(() => stage.served.server.stats().bufferedBytes > 10_000, 'a half')
  // so that the upgrade comes before the packets are looked at
  sendRest()
  webSocket.send('5')
  webSocket.send(packet(900))
  const answered: unknown[] = []
  while (answered.at(-1) !== 900) {
    const { text } = await webSocket.messages.next('an answer')
    if (!text.startsWith('42')) continue
    const [, { payload }] = JSON.parse(text.slice(2)) as [string, { payload: number }]
    answered.push(payload)
  }
  expect(answered).toEqual([...numbers, 900])
})

test('row 52: rooms: a client that upgrades with thousands of packets ahead is ended', async () => {
  const stage = await RoomStage.start()
  const bystander = await stage.client()
  const client = await PollingClient.connect(stage.served.port, stage.appToken)
  const webSocket = await client.probe()
  // fewer than the rate of packets allows at once
  const sendRest = await client.begin(...Array<string>(9_000).fill('6'))
  await eventually(() => stage.served.server.stats().bufferedBytes > 5_000, 'a half')
  sendRest()
  webSocket.send('5')
  await within(webSocket.closed, 'its end')
  expect(stage.served.outcomes()).toMatchObject({ rate_limited: 1 })
  await bystander.settled()
})

test('row 52: rooms: long polling is not compressed, as WebSockets are not', async () => {
  const stage = await RoomStage.start()
  const client = await PollingClient.connect(stage.served.port, stage.appToken)
  const payload = 'x'.repeat(10_000)
  await client.send(`42${JSON.stringify(['auth-request', { payload }])}`)
  const { headers, body } = await client.pollRaw({ 'Accept-Encoding': 'gzip, deflate' })
  expect(headers).not.toHaveProperty('content-encoding')
  expect(body).toContain(payload)
})

test('long polling counts as a socket: there is no room past the limit', async () => {
  const stage = await RoomStage.start({}, { maxSocketsPerAddress: 8 })
  const polling = { transports: ['polling'] }
  const { server } = stage.served
  // the connections that bring the requests count as well
  const clients = [await stage.client({}, polling)]
  const come = async () => {
    while (clients.length < 9) clients.push(await stage.client({}, polling))
  }
  await expect(come()).rejects.toThrow()
  expect(server.stats().connections).toBeLessThanOrEqual(8)
  for (const { socket } of clients) socket.disconnect()
  await expect.poll(() => server.stats().sockets).toBe(0)
  await expect.poll(() => stage.client({}, polling).catch(() => undefined)).toBeDefined()
})

test('long polling: who is gone without a word leaves no timer behind, nor does close()', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const stage = await RoomStage.start({}, { pingInterval: 100, pongTimeout: 100 })
  const { server, http } = stage.served
  const connect = () => fetch(`${http}/socket.io/?EIO=4&transport=polling`)
  const serving = timers()
  await connect()
  await eventually(() => server.stats().sockets === 1, 'a connection')
  await eventually(() => server.stats().sockets === 0, 'its end')
  await eventually(() => timers() <= serving, 'no timer of it')
  await connect()
  await server.drain()
  await server.close()
  await eventually(() => timers() <= before, 'no timer of the server')
})

test('pages of another origin are refused where origins are named, polling or not', async () => {
  const stage = await RoomStage.start({}, { origins: ['https://app.example'] })
  for (const transports of [['polling'], ['websocket']]) {
    const from = (origin: string) =>
      stage.client({}, { transports, extraHeaders: { Origin: origin } })
    await from('https://app.example')
    await expect(from('https://evil.example')).rejects.toThrow()
  }
})

test('the client scripts of socket.io are served beside it', async () => {
  const { served } = await RoomStage.start()
  for (const name of ['socket.io.js', 'socket.io.min.js', 'socket.io.esm.min.js']) {
    const response = await fetch(`${served.http}/socket.io/${name}`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toContain('javascript')
    expect(await response.text()).toContain('Socket.IO v4')
  }
  expect((await fetch(`${served.http}/socket.io/package.json`)).status).toBe(404)
})

test('it is below the path that the server is mounted at', async () => {
  const stage = await RoomStage.start({ path: '/chat/socket' })
  const client = await stage.client({}, { path: '/chat/socket' })
  client.emit('room-create-request', { room: 'r' })
  await client.next('room-create-accept')
})

test('a client that is silent is given up, and the members are told', async () => {
  const stage = await RoomStage.start({}, { pingInterval: 100, pongTimeout: 100 })
  const owner = await stage.owner('r')
  const member = await stage.member(owner, 'r')
  const { id } = member
  // as a network does that is gone: nothing is read or written any more
  const { transport } = member.socket.io.engine as unknown as {
    transport: { ws: { pause(): void } }
  }
  transport.ws.pause()
  expect(await owner.next('room-user-leave')).toMatchObject({ peer_id: id })
})

test('a drained server closes the transport, so that clients come back by themselves', async () => {
  const stage = await RoomStage.start()
  const client = await stage.client()
  await stage.served.server.drain()
  expect(await client.ended).toBe('transport close')
  await expect(stage.client({}, { transports: ['polling'] })).rejects.toThrow()
  await stage.served.empty()
})

test('a connection that never says who it is does not stay', async () => {
  const stage = await RoomStage.start({}, { authorizeTimeout: 200 })
  const socket = io(stage.served.http, {
    transports: ['websocket'],
    forceNew: true,
    autoConnect: false,
  })
  const { io: manager } = socket
  const ended = new Promise((resolve) => manager.once('close', resolve))
  manager.open()
  await within(ended, 'the end of a silent connection')
  manager._close()
  await stage.served.empty()
})

test('a room is refused to a newcomer when it is full', async () => {
  const stage = await RoomStage.start({ maxMembers: 2 })
  const owner = await stage.owner('r')
  await stage.member(owner, 'r')
  const third = await stage.client()
  third.emit('room-join-request', { room: 'r' })
  await owner.next('room-join-request')
  owner.emit('room-join-accept', { room: 'r', peer_id: third.id })
  expect(await owner.next('error')).toMatchObject({ code: 'room_full' })
})

test('a client is in a limited number of rooms', async () => {
  const stage = await RoomStage.start({ maxRooms: 2 })
  const client = await stage.client()
  for (let i = 0; i < 2; i++) client.emit('room-create-request')
  for (let i = 0; i < 2; i++) await client.next('room-create-accept')
  client.emit('room-create-request')
  await client.next('room-create-reject')
  const owner = await stage.owner('r')
  client.emit('room-join-request', { room: 'r' })
  await client.next('room-join-reject')
  await owner.settled()
})

test('a payload above the limit is refused with an error, and does not come back', async () => {
  const stage = await RoomStage.start({ maxPayloadBytes: 100 })
  const owner = await stage.owner('r')
  const member = await stage.member(owner, 'r')
  const payload = 'x'.repeat(100)
  const client = await stage.client()
  const answers: [RoomClient, string, string][] = [
    [client, 'auth-request', 'auth-reject'],
    [client, 'room-create-request', 'room-create-reject'],
    [client, 'room-join-request', 'room-join-reject'],
    [owner, 'room-join-accept', 'error'],
    [owner, 'room-join-reject', 'error'],
    [member, 'relay-session-description', 'error'],
    [member, 'relay-ice-candidate', 'error'],
  ]
  for (const [sender, event, answer] of answers) {
    const fields = { token: stage.appToken, room: 'r', to: owner.id, payload }
    sender.emit(event, fields)
    const refused = await sender.next(answer)
    expect(refused).toMatchObject({ message: expect.stringContaining('100 bytes') })
    expect(refused).not.toHaveProperty('payload')
  }
  client.emit('room-create-request', { payload: 'x'.repeat(98) })
  await client.next('room-create-accept')
})

test('a peerinfo above the limit is refused with auth-reject', async () => {
  const stage = await RoomStage.start({}, { maxInfoBytes: 50 })
  const client = await RoomClient.connect(stage.served.http, stage.appToken)
  client.socket.emit('auth-request', { token: stage.appToken, peerinfo: 'x'.repeat(50) })
  await client.next('auth-reject')
})

test('events that are none of the protocol end the client, after ten of them', async () => {
  const stage = await RoomStage.start()
  const client = await stage.client()
  for (let i = 0; i < 9; i++) {
    client.emit('shout', { room: 'r' })
    expect(await client.next('error')).toMatchObject({ code: 'bad_message', event: 'shout' })
  }
  await client.settled()
  client.emit('shout')
  expect(await client.ended).toBe('io server disconnect')
  expect(stage.served.outcomes().too_many_bad_messages).toBe(1)
})

test('a client that sends too fast is slowed, in order, and ended when too much waits', async () => {
  const stage = await RoomStage.start({ messagesPerSecond: 50, messagesBurst: 5 })
  const owner = await stage.client()
  const start = performance.now()
  for (let i = 0; i < 14; i++) owner.emit('room-create-request', { room: String(i) })
  for (let i = 0; i < 14; i++) {
    expect(await owner.next('room-create-accept')).toEqual({ room: String(i) })
  }
  // the auth-request was the first of five at once; ten more at fifty a second
  expect(performance.now() - start).toBeGreaterThan(150)
  const bystander = await stage.owner('r')
  for (let i = 0; i < 1_100; i++) owner.emit('room-create-request')
  expect(await owner.ended).toBe('io server disconnect')
  expect(stage.served.outcomes().rate_limited).toBe(1)
  await bystander.settled()
})

test('a message above the limit ends its client alone', async () => {
  const stage = await RoomStage.start({ maxMessageBytes: 10_000 })
  const owner = await stage.owner('r')
  const member = await stage.member(owner, 'r')
  const { id } = member
  member.emit('relay-ice-candidate', { room: 'r', to: owner.id, ice_candidate: 'x'.repeat(10_000) })
  expect(await member.ended).toMatch(/transport/)
  expect(await owner.next('room-user-leave')).toMatchObject({ peer_id: id })
})
