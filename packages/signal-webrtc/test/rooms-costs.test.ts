import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { clientFrame } from 'signal-test-kit'
import { expect, onTestFinished, test } from 'vitest'
import { eventually, within } from '../../signal-server/test/harness/arrivals.js'
import { Client } from '../../signal-server/test/harness/client.js'
import { RawSocket } from '../../signal-server/test/harness/raw-socket.js'
import { PollingClient } from './harness/polling.js'
import { admit, RoomStage } from './harness/room-client.js'

const kibibyte = 1_024
const slow = { messagesPerSecond: 1, messagesBurst: 5 }
const webSocketPath = '/socket.io/?EIO=4&transport=websocket'

/** A list of so many empty objects: each has three bytes of JSON, and much more of memory. */
const objects = (count: number) => Array.from({ length: count }, () => ({}))

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** The bytes that JavaScript uses, without garbage. */
function heapUsed(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

/** The bytes that a server holds, of one test's clients. */
const holds = ({ served }: RoomStage) => served.server.stats().bufferedBytes

test('row 50: rooms: events that wait for their turn count as long as they wait', async () => {
  const stage = await RoomStage.start(slow)
  const client = await stage.client()
  for (let n = 0; n < 20; n++) client.emit('auth-request', { token: 'none', more: objects(5_000) })
  await eventually(() => holds(stage) > 15 * 15_000, 'what waits')
  client.socket.disconnect()
  await stage.served.empty()
})

test('row 50: rooms: while memory is short a client that has sent far ahead is ended, and no other one', async () => {
  const stage = await RoomStage.start(slow, {
    maxBufferedBytes: 512 * kibibyte,
    maxQueuedBytes: 256 * kibibyte,
  })
  const [first, second, bystander] = [
    await stage.client(),
    await stage.client(),
    await stage.client(),
  ]
  const flood = { token: 'none', more: 'x'.repeat(15_000) }
  for (const client of [first, second]) {
    for (let n = 0; n < 25; n++) client.emit('auth-request', flood)
  }
  const ends = [first, second].map(({ ended }) => ended)
  expect(await within(Promise.race(ends), 'an end')).toBe('io server disconnect')
  // what was under way before it was ended may come from the other one
  await eventually(() => holds(stage) < 512 * kibibyte, 'room again')
  await bystander.settled()
})

test('row 50: rooms: an event counts while its attachments have not come', async () => {
  const stage = await RoomStage.start()
  const client = await stage.client()
  const { engine } = client.socket.io
  const shown = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'
  engine.write(`52-["auth-request",{"token":"none","more":[${shown}]}]`)
  engine.write(Buffer.alloc(20_000))
  await eventually(() => holds(stage) > 20_000, 'an attachment')
  engine.write(Buffer.alloc(20_000))
  await client.next('auth-reject')
  await eventually(() => holds(stage) < 10_000, 'nothing that waits')
})

test('row 50: rooms: an event with its attachments is no larger than a message may be', async () => {
  const stage = await RoomStage.start()
  const client = await stage.client()
  const { engine } = client.socket.io
  engine.write('53-["auth-request",{"token":"none"}]')
  for (let n = 0; n < 2; n++) engine.write(Buffer.alloc(40_000))
  await within(client.ended, 'its end')
  expect(stage.served.outcomes().bad_message).toBe(1)
})

test.each(['0010', '1e1', '0xa', ' 9', '+9', '9.0'])(
  'row 50: rooms: an event with a number of attachments that no client writes (%j) is a bad message',
  async (count) => {
    const stage = await RoomStage.start()
    const client = await stage.client()
    const { engine } = client.socket.io
    engine.write(`5${count}-["auth-request",{"_placeholder":true,"num":0}]`)
    engine.write(Buffer.alloc(40_000))
    await within(client.ended, 'its end')
    expect(stage.served.outcomes().bad_message).toBe(1)
  },
)

test('row 48: rooms: an object of very many fields harms nobody', async () => {
  const stage = await RoomStage.start({ maxMessageBytes: 1_024 * kibibyte, messagesBurst: 1e9 })
  const client = await stage.client()
  const names = Array.from('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ')
  const fields: Record<string, number> = {}
  for (const a of names.slice(0, 48)) {
    for (const b of names) for (const c of names) fields[a + b + c] = 0
  }
  client.emit('auth-request', { token: 'none', fields })
  await client.next('auth-reject')
})

test('row 50: rooms: frames that are not complete count', async () => {
  const stage = await RoomStage.start()
  const raw = await RawSocket.upgrade(stage.served.port, webSocketPath)
  raw.write(clientFrame(1, 'x'.repeat(60_000)).subarray(0, 50_000))
  await eventually(() => holds(stage) > 50_000, 'a part of a message')
  raw.reset()
  await stage.served.empty()
})

test('row 50: rooms: a body of long polling that is not complete counts', async () => {
  const stage = await RoomStage.start()
  const client = await PollingClient.connect(stage.served.port, stage.appToken)
  const raw = await client.sendHalf('x'.repeat(30_000))
  await eventually(() => holds(stage) > 30_000, 'a part of a body')
  raw.reset()
  await eventually(() => holds(stage) < 10_000, 'nothing that waits')
})

test('row 50: rooms: a body of long polling counts with two bytes per character if it takes them', async () => {
  const stage = await RoomStage.start()
  const client = await PollingClient.connect(stage.served.port, stage.appToken)
  const raw = await client.sendHalf(`\u20ac${'x'.repeat(999)}`.repeat(20))
  await eventually(() => holds(stage) > 40_000, 'a part of a body')
  raw.reset()
  await eventually(() => holds(stage) < 10_000, 'nothing that waits')
})

test('row 50: rooms: bodies of thousands of packets by long polling take no more memory than they count', async () => {
  const stage = await RoomStage.start()
  const packets = Array<string>((60 * kibibyte) / 4).fill('6ab')
  const clients = await Promise.all(
    Array.from({ length: 40 }, () => PollingClient.connect(stage.served.port, stage.appToken)),
  )
  const rests = await Promise.all(clients.map((client) => client.begin(...packets)))
  const halves = clients.length * 30 * kibibyte
  await eventually(() => holds(stage) > halves, 'the halves of all bodies')
  const before = heapUsed()
  for (const sendRest of rests) sendRest()
  await eventually(() => holds(stage) > 1.5 * halves, 'bodies that are looked at')
  let most = 0
  while (holds(stage) > halves) {
    most = Math.max(most, heapUsed() - before)
    await nextTurn()
  }
  expect(most).toBeLessThan(2 * (2 * halves))
}, 60_000)

test('row 50: rooms: what waits for a client by long polling counts until the client has read it', async () => {
  const stage = await RoomStage.start({ messagesBurst: 1e9 }, { maxQueuedBytes: 2 ** 26 })
  const client = await PollingClient.connect(stage.served.port, stage.appToken)
  await client.send(`42${JSON.stringify(['auth-request', { token: stage.appToken }])}`)
  const { token: auth } = await client.next('auth-accept')
  await client.send(`42${JSON.stringify(['room-create-request', { auth, room: 'r' }])}`)
  await client.next('room-create-accept')
  const other = await stage.client()
  other.emit('room-join-request', { room: 'r' })
  const { peer_id } = await client.next('room-join-request')
  await client.send(`42${JSON.stringify(['room-join-accept', { auth, room: 'r', peer_id }])}`)
  const { peers } = await other.next('room-join-accept')
  const [to] = peers as string[]
  // far more than the kernel takes
  const candidate = { room: 'r', to, ice_candidate: 'x'.repeat(60_000) }
  for (let n = 0; n < 25; n++) {
    for (let some = 0; some < 10; some++) other.emit('relay-ice-candidate', candidate)
    await other.settled()
  }
  // each is there as a text, and as a frame for a WebSocket
  expect(holds(stage)).toBeGreaterThan(2 * 200 * 60_000)
  const raw = await client.pollUnread()
  await eventually(() => raw.socket.bytesRead > 0, 'the begin of an answer')
  expect(holds(stage)).toBeGreaterThan(100 * 60_000)
  raw.reset()
  await eventually(() => holds(stage) < 10_000, 'nothing that waits')
}, 30_000)

test('row 50: rooms: what waits for a client by long polling counts with the bytes of its characters', async () => {
  const stage = await RoomStage.start()
  const client = await PollingClient.connect(stage.served.port, stage.appToken)
  const request = ['auth-request', { token: 'none', payload: '€'.repeat(4_000) }]
  for (let n = 0; n < 10; n++) await client.send(`42${JSON.stringify(request)}`)
  await eventually(() => holds(stage) > 10 * 12_000, 'answers that wait')
  await client.poll()
  await eventually(() => holds(stage) < 10_000, 'nothing that waits')
})

/** Lets a client by long polling have so many answers of 15 KB, for which it does not ask. */
async function leaveUnread(stage: RoomStage, answers: number): Promise<PollingClient> {
  const client = await PollingClient.connect(stage.served.port, stage.appToken)
  const before = holds(stage)
  const request = ['auth-request', { token: 'none', payload: 'x'.repeat(15_000) }]
  for (let n = 0; n < answers; n++) {
    await client.send(`42${JSON.stringify(request)}`)
    // a request of the client before this one may have counted
    await eventually(() => holds(stage) > before + n * 15_000, 'answers that wait')
  }
  return client
}

test('row 50: rooms: a client that reads nothing of what waits for it is ended after the stall timeout, whatever it sends', async () => {
  const stage = await RoomStage.start({}, { stallTimeout: 600 })
  const bystander = await stage.client()
  const client = await leaveUnread(stage, 21)
  await eventually(async () => {
    await client.send('3')
    return stage.served.outcomes().slow_reader === 1
  }, 'its end')
  await eventually(() => holds(stage) < 10_000, 'nothing that waits')
  await bystander.settled()
})

test('row 50: rooms: while memory is short a client that reads nothing is ended, and no other one', async () => {
  const stage = await RoomStage.start({}, { maxBufferedBytes: 1_024 * kibibyte })
  const bystander = await stage.client()
  await leaveUnread(stage, 45)
  await leaveUnread(stage, 23)
  await eventually(() => holds(stage) > 1_024 * kibibyte, 'too much that waits')
  await eventually(() => holds(stage) < 960 * kibibyte, 'less that waits')
  expect(stage.served.outcomes().slow_reader).toBe(1)
  await bystander.settled()
}, 30_000)

test('row 50: rooms: a connection without a session is gone soon after its time, though it reads nothing', async () => {
  const stage = await RoomStage.start({}, { authorizeTimeout: 2_000, closeTimeout: 300 })
  const client = await PollingClient.open(stage.served.port)
  await client.send(...Array<string>(100).fill('40{"token":"x"}'))
  await eventually(() => holds(stage) > 50 * kibibyte, 'refusals that wait')
  await stage.served.empty()
})

test('row 50: rooms: no session stays of a connection that is ended by the packet that tells of it', async () => {
  const most = 64 * kibibyte
  const stage = await RoomStage.start({}, { maxQueuedBytes: most })
  const client = await PollingClient.connect(stage.served.port, stage.appToken)
  const ask = (bytes: number) => {
    const fields = { token: 'none', payload: 'x'.repeat(bytes) }
    return client.send(`42${JSON.stringify(['auth-request', fields])}`)
  }
  await ask(0)
  const [empty] = await client.poll()
  const overhead = empty!.length - 1
  // all but ten of the bytes that may wait
  const sizes = [15_000, 15_000, 15_000, 15_000, most - 10 - 60_000 - 5 * overhead]
  for (const size of sizes) await ask(size)
  await eventually(() => holds(stage) > most, 'answers that wait')
  await client.send('41')
  await eventually(() => stage.served.stats('rooms').sessions === 0, 'the end of the session')
  await client.send(`40${JSON.stringify({ token: stage.appToken })}`)
  await eventually(() => stage.served.outcomes().slow_reader === 1, 'the end of the connection')
  await stage.served.empty()
})

test('row 52: rooms: the rate is that of the connection, whatever sessions follow each other on it', async () => {
  const stage = await RoomStage.start({ messagesPerSecond: 50, messagesBurst: 10 })
  const client = await Client.open(stage.served.ws + webSocketPath)
  onTestFinished(() => client.ws.terminate())
  const start = performance.now()
  for (let session = 0; session < 10; session++) {
    client.send(`40${JSON.stringify({ token: stage.appToken })}`)
    while (!(await client.messages.next('a session')).text.startsWith('40'));
    for (let n = 0; n < 8; n++) client.send('42["auth-request",{"token":"none"}]')
    for (let n = 0; n < 8; n++) {
      while (!(await client.messages.next('an answer')).text.startsWith('42'));
    }
    client.send('41')
    await eventually(() => stage.served.stats('rooms').sessions === 0, 'the end of the session')
  }
  // a hundred packets, ten of which are free
  expect(performance.now() - start).toBeGreaterThan(1_500)
}, 30_000)

test('row 52: rooms: a session that follows another one on a connection works', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r')
  const client = await stage.client()
  await admit(owner, client, 'r')
  const { socket } = client
  socket.io.engine.write('1')
  expect(await owner.next('room-user-leave')).toMatchObject({ peer_id: client.id })
  socket.io.engine.write(`0${JSON.stringify({ token: stage.appToken })}`)
  await eventually(() => stage.served.stats('rooms').sessions === 2, 'another session')
})

const measuredRate = { messagesPerSecond: 50, messagesBurst: 100 }

test.each([
  'auth-request',
  'room-create-request',
  'room-join-request',
  'room-join-accept',
  'room-join-reject',
  'relay-session-description',
  'relay-ice-candidate',
])('row 52: rooms: what %s makes the server send counts as its bytes do', async (event) => {
  const stage = await RoomStage.start(measuredRate)
  const owner = await stage.owner('r')
  const other = await stage.client()
  const sender = event === 'room-join-request' ? other : owner
  const payload = 'x'.repeat(12_000)
  const start = performance.now()
  for (let n = 0; n < 30; n++) {
    const room = event === 'room-create-request' ? `${n}` : 'r'
    sender.emit(event, { token: stage.appToken, room, to: other.id, payload })
  }
  await sender.settled()
  // each came as three messages and goes on as three: 180 of them, 100 of which are free
  expect(performance.now() - start).toBeGreaterThan(1_000)
})

test('row 52: rooms: a request to a room of many members counts as several', async () => {
  const stage = await RoomStage.start(measuredRate)
  const owner = await stage.owner('r')
  for (let n = 0; n < 100; n++) await stage.member(owner, 'r')
  const client = await stage.client()
  const start = performance.now()
  for (let n = 0; n < 90; n++) client.emit('room-join-request', { room: 'r' })
  await client.settled()
  expect(performance.now() - start).toBeGreaterThan(800)
}, 30_000)
