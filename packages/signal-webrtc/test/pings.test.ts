import { call, relayWs, rtc } from 'signal-webrtc'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { clientFrame } from '../../signal-server/test/harness/frames.js'
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
