import { expect, test } from 'vitest'
import { notice, Notice } from '../../src/link/frames.js'
import { recordOf } from '../../src/link/life.js'
import { Pair } from './pair.js'

const mebibyte = 1024 * 1024
const text = (size: number) => 'x'.repeat(size)

function met(keys: readonly string[], options = {}): Pair {
  const pair = new Pair(keys, options)
  pair.run(200)
  return pair
}

/** A pair with two transports, the first of which carries nothing any more: both ends were in doubt. */
function metTwice(): Pair {
  const pair = met(['k'])
  pair.a.links.probe()
  for (const side of pair.transports[0]!) side.isMute = true
  pair.run(2_100)
  pair.b.links.probe()
  pair.run(2_500)
  expect(pair.transports).toHaveLength(2)
  return pair
}

test('what is sent when the peer is told of goes out at once, before anything has come', () => {
  const pair = new Pair(['k'])
  pair.run(15)
  pair.a.channels.get('k')!.send('early')
  pair.run(11)
  expect(pair.b.messages).toEqual(['early'])
})

test('everything is acknowledged within 100 ms after it has come', () => {
  const pair = met(['k'])
  const channel = pair.a.channels.get('k')!
  for (let n = 0; n < 20; n++) {
    channel.send(text(100))
    pair.run(7)
  }
  pair.run(110)
  expect(channel.bufferedAmount).toBe(0)
})

test('a large message on one key delays no message on another', () => {
  const pair = met(['k', 'l'])
  pair.a.channels.get('k')!.send(text(60_000))
  pair.a.channels.get('l')!.send('small')
  pair.run(10)
  expect(pair.b.messages[0]).toBe('small')
})

test('what one turn sends goes out in one record', () => {
  const pair = met(['k'])
  const before = pair.sent.length
  for (let n = 0; n < 100; n++) pair.a.channels.get('k')!.send(text(64))
  pair.run(1)
  expect(pair.sent.slice(before)).toHaveLength(1)
  // 3 bytes each, and what the record says of itself
  expect(pair.sent.at(-1)!.record.length).toBeLessThan(100 * (64 + 3) + 20)
})

test('an app that reads nothing holds its peer up at 4 MiB a key and 8 MiB a link, and no more', () => {
  const keys = ['k', 'l', 'm', 'n']
  const pair = met(keys)
  // windows are as large as can be once apps have kept up for a while
  for (const key of keys)
    for (let n = 0; n < 40; n++) {
      pair.a.channels.get(key)!.send(text(mebibyte / 2))
      pair.run(100)
    }
  expect(pair.b.messages).toHaveLength(160)
  pair.b.reads = false
  for (const key of keys) for (let n = 0; n < 100; n++) pair.a.channels.get(key)!.send(text(65_000))
  pair.run(5_000)
  const unread = pair.b.messages.slice(160).reduce((sum, message) => sum + message.length, 0)
  expect(unread).toBeGreaterThan(7.5 * mebibyte)
  expect(unread).toBeLessThanOrEqual(8 * mebibyte)
  pair.b.reads = true
  for (const read of pair.b.unread) read()
  pair.run(5_000)
  expect(pair.b.messages).toHaveLength(160 + 400)
})

test('incomplete messages on many keys do not hold each other up', () => {
  const keys = Array.from({ length: 700 }, (_, n) => `k${n}`)
  const pair = met(keys)
  for (const key of keys) pair.a.channels.get(key)!.send(text(200_000))
  pair.run(120_000)
  expect(pair.b.messages).toHaveLength(700)
})

test('a message that is too large closes its key on both sides with 1009, and no other', () => {
  const pair = met(['k', 'l'], { maxMessageBytes: 100_000 })
  pair.a.channels.get('k')!.send(text(100_001))
  pair.a.channels.get('l')!.send(text(100_000))
  pair.run(1_000)
  expect(pair.b.failures).toEqual(['message_too_large'])
  expect(pair.a.endings).toEqual([expect.objectContaining({ code: 1009, why: 'left' })])
  expect(pair.b.endings).toEqual([expect.objectContaining({ code: 1009 })])
  expect(pair.b.messages).toEqual([text(100_000)])
})

test('30 cuts under traffic: nothing is lost, doubled or reordered, and the app is told nothing', () => {
  const pair = met(['k'])
  let sent = 0
  for (let cut = 0; cut < 30; cut++) {
    for (let n = 0; n < 10; n++) {
      pair.a.channels.get('k')!.send(String(sent++))
      pair.run(15)
    }
    pair.cut()
  }
  pair.run(5_000)
  expect(pair.b.messages).toEqual(Array.from({ length: sent }, (_, n) => String(n)))
  expect([...pair.a.endings, ...pair.b.endings]).toEqual([])
})

test('a transport that is mute is replaced within 7 s', () => {
  const pair = met(['k'])
  for (const side of pair.transports.at(-1)!) side.isMute = true
  pair.a.channels.get('k')!.send('into silence')
  pair.run(6_500)
  // the server ends the other socket when it is superseded
  pair.transports[0]![1].end(4410)
  pair.run(500)
  expect(pair.b.messages).toEqual(['into silence'])
})

test('when a transport ends, an older one that is left is asked for a sign of life', () => {
  const pair = metTwice()
  const before = pair.sent.length
  for (const side of pair.transports[1]!) side.end(1006)
  pair.run(1)
  const pings = pair.sent.slice(before).filter(({ record }) => record.join() === '0,15,2')
  expect(pings.map(({ from, transport }) => `${from} ${transport}`)).toEqual(['A 1', 'B 1'])
})

test('when the newest transport is silent, an older one that the peer uses takes its place', () => {
  const pair = metTwice()
  for (const side of pair.transports[0]!) side.isMute = false
  for (const side of pair.transports[1]!) side.isMute = true
  pair.a.channels.get('k')!.send('over the older one')
  for (let second = 0; second < 8; second++) {
    for (const { dialled } of pair.transports[0]!) dialled.received(recordOf(notice(Notice.pong)))
    pair.run(1_000)
  }
  expect(pair.b.messages).toEqual(['over the older one'])
  expect(pair.transports).toHaveLength(2)
})

test('a page that is closed is gone within a second, a process that dies within 6 s', () => {
  const closed = met(['k'])
  closed.b.links.close(1001)
  closed.run(100)
  expect(closed.a.endings).toEqual([expect.objectContaining({ why: 'left' })])

  const killed = met(['k'])
  killed.transports[0]![0].end(4410)
  killed.a.links.departed('B', ['k'])
  killed.run(4_000)
  expect(killed.a.endings).toEqual([])
  killed.run(1_500)
  expect(killed.a.endings).toEqual([expect.objectContaining({ why: 'left' })])
})

test('after 30 s without a transport the life is lost, once, and another begins', () => {
  const pair = met(['k'])
  pair.transports[0]![0].end(4410)
  pair.run(29_000)
  expect(pair.a.endings).toEqual([])
  pair.run(2_000)
  expect(pair.a.endings).toEqual([expect.objectContaining({ why: 'lost' })])
  expect(pair.a.waiting).toBeDefined()
})

test.each<[string, readonly number[]]>([
  ['a frame that is cut off', [1, 0x80]],
  ['an integer that never ends', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]],
  ['an integer that is longer than it need be', [0x80, 0]],
  ['a channel that was never opened', [9, 8 + 1, 0x61]],
  ['a key that is open already', [2, 8 + 3, 0x6b]],
  ['data on channel 0', [0, 8 + 1, 0x61]],
  ['a key of 1,025 bytes', [2, 0x8b, 0x40, ...new Array<number>(1_025).fill(0x61)]],
  ['a text that is no UTF-8', [1, 8 + 1, 0xff]],
  ['an acknowledgement of what was never sent', [0, 2 * 8 + 7, 1, 0x7f]],
  ['a grant on a channel that was never opened', [0, 4 * 8 + 7, 1, 0, 0x7f, 1]],
])('%s ends the link, and the peer is not dialled for 30 s', (_what, bytes) => {
  const pair = met(['k'])
  pair.transports[0]![0].dialled.received(Uint8Array.from(bytes))
  pair.run(100)
  expect(pair.a.failures).toEqual(['bad_link'])
  expect(pair.a.endings).toEqual([expect.objectContaining({ why: 'lost' })])
  pair.run(29_000)
  expect(pair.a.waiting).toBeUndefined()
  pair.run(2_000)
  expect(pair.a.channels.has('k')).toBe(true)
})

test('a total that is lower than one before is ignored', () => {
  const pair = met(['k'])
  const [a] = pair.transports[0]!
  a.dialled.received(recordOf(notice(Notice.ack, 0, 1, 1, 0, 1)))
  pair.a.channels.get('k')!.send(text(10_000))
  pair.run(100)
  expect(pair.b.messages).toHaveLength(1)
})

test('frames that come before their turn wait', () => {
  const pair = met(['k'])
  const [a] = pair.transports[0]!
  const from = (number: number) => [0, 2 * 8 + 7, 0, number]
  const next = 1
  a.dialled.received(Uint8Array.from([...from(next + 1), 1, 8 + 1, 0x62]))
  expect(pair.a.messages).toEqual([])
  a.dialled.received(Uint8Array.from([...from(next), 1, 8 + 1, 0x61]))
  expect(pair.a.messages).toEqual(['a', 'b'])
})
