import { call, relayWs, rtc } from 'signal-webrtc'
import { clientFrame } from 'signal-test-kit'
import { expect, onTestFinished, test } from 'vitest'
import { eventually, within } from '../../signal-server/test/harness/arrivals.js'
import { RawSocket } from '../../signal-server/test/harness/raw-socket.js'
import { RoomStage } from './harness/room-client.js'
import { Served } from './harness/serve.js'

const pings = (count: number) =>
  Buffer.concat(Array.from({ length: count }, (_, n) => clientFrame(9, String(n))))

/** The numbers of the pongs that come, up to that for a ping. */
async function pongs(raw: RawSocket, last: number): Promise<number[]> {
  const numbers: number[] = []
  while (numbers.at(-1) !== last) {
    const { opcode, payload } = await raw.frame()
    if (opcode === 10) numbers.push(Number(payload))
  }
  return numbers
}

async function upgrade(served: Served, path: string): Promise<RawSocket> {
  const raw = await RawSocket.upgrade(served.port, path)
  onTestFinished(() => raw.reset())
  return raw
}

test.each([
  ['/call', call()],
  ['/rtc', rtc()],
  ['/relay-ws', relayWs()],
])('%s answers the last of many pings', async (path, endpoint) => {
  const served = await Served.start(endpoint)
  const raw = await upgrade(served, path)
  raw.write(pings(500))
  const answered = await pongs(raw, 499)
  expect(answered).toEqual([...answered].sort((a, b) => a - b))
  raw.reset()
  await served.empty()
})

test('row 50: messages that wait for a slowed client of JSON count against the budget', async () => {
  const rate = { messagesPerSecond: 1, messagesBurst: 1 }
  const served = await Served.start(relayWs(rate))
  const raw = await upgrade(served, '/relay-ws')
  const text = 'x'.repeat(100)
  raw.write(Buffer.concat(Array.from({ length: 200 }, () => clientFrame(1, `"${text}"`))))
  await eventually(() => served.server.stats().bufferedBytes > 15_000, 'what waits')
  raw.reset()
  await served.empty()
})

test('row 50: frames that are complete do not count, however they came', async () => {
  const served = await Served.start(call())
  const raw = await upgrade(served, '/call')
  const counted = () => served.server.stats().bufferedBytes
  const inPieces = clientFrame(1, '{"id":', { fin: false })
  raw.write(Buffer.concat([inPieces, clientFrame(0, '"ping"}')]))
  expect((await raw.frame()).payload.toString()).toContain('pong')
  for (let n = 0; n < 100; n++) {
    raw.write(clientFrame(9, String(n)))
    await pongs(raw, n)
  }
  expect(counted()).toBe(0)
  // each chunk has the end of a ping and the beginning of the next one
  let rest: Buffer = Buffer.alloc(0)
  for (let n = 100; n < 200; n++) {
    const [ping, next] = [clientFrame(9, String(n)), clientFrame(9, String(n + 1))]
    raw.write(Buffer.concat([rest.length > 0 ? rest : ping, next.subarray(0, 3)]))
    rest = next.subarray(3)
    await pongs(raw, n)
  }
  expect(counted()).toBeLessThan(1_000)
  raw.write(rest)
  await pongs(raw, 200)
  await eventually(() => counted() === 0, 'nothing that is counted')
})

test('row 50: the frames of a message count until its last one has come', async () => {
  const served = await Served.start(call())
  const raw = await upgrade(served, '/call')
  const counted = () => served.server.stats().bufferedBytes
  raw.write(clientFrame(1, '{"id":"ping","x":"', { fin: false }))
  for (let n = 0; n < 10; n++) {
    raw.write(clientFrame(0, 'x'.repeat(4_000), { fin: false }))
    raw.write(clientFrame(9, String(n)))
    await pongs(raw, n)
  }
  expect(counted()).toBeGreaterThan(40_000)
  expect(counted()).toBeLessThan(60_000)
  raw.write(clientFrame(0, '"}'))
  expect((await raw.frame()).payload.toString()).toContain('pong')
  await eventually(() => counted() === 0, 'nothing that is counted')
})

test('row 50: a client of rooms that floods with pings gets the pong of the last, and then goes', async () => {
  const { served } = await RoomStage.start()
  const raw = await upgrade(served, '/socket.io/?EIO=4&transport=websocket')
  raw.write(pings(500))
  await pongs(raw, 499)
  raw.write(pings(2_000))
  await raw.ended
  expect(served.outcomes()).toMatchObject({ rate_limited: 1 })
  await served.empty()
})

test('row 50: rooms: a client that floods with pongs goes, and one that sends a few stays', async () => {
  const { served } = await RoomStage.start()
  const [few, many] = [
    await upgrade(served, '/socket.io/?EIO=4&transport=websocket'),
    await upgrade(served, '/socket.io/?EIO=4&transport=websocket'),
  ]
  const pong = clientFrame(10, '')
  few.write(Buffer.concat([...Array<Buffer>(500).fill(pong), pings(1)]))
  await pongs(few, 0)
  many.write(Buffer.concat(Array<Buffer>(10_000).fill(pong)))
  await within(many.ended, 'its end')
  expect(served.outcomes()).toMatchObject({ rate_limited: 1 })
  few.write(pings(2))
  await pongs(few, 1)
})
