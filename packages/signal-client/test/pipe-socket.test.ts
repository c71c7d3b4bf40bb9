import { once } from 'node:events'
import type { PipeCloseEvent, PipeMessageEvent } from 'signal-client'
import { expect, test } from 'vitest'
import { RawPeer } from './harness/raw-peer.js'
import { ended, receive, Stage } from './harness/stage.js'

test('text stays text and bytes stay bytes, of any size', async () => {
  const stage = await Stage.open()
  const [alice, bob] = await stage.pair()
  const big = new Uint8Array(5 * 1024 * 1024).map((_, at) => at % 251)
  alice.socket.send('ĝis la revido 👋')
  alice.socket.send('')
  alice.socket.send(new Uint8Array([0, 1, 254, 255]))
  alice.socket.send(new Uint8Array(0).buffer)
  alice.socket.send(big.subarray(1))
  expect(await bob.received.next()).toBe('ĝis la revido 👋')
  expect(await bob.received.next()).toBe('')
  expect(await bob.received.next()).toEqual(new Uint8Array([0, 1, 254, 255]).buffer)
  expect(await bob.received.next()).toEqual(new ArrayBuffer(0))
  const last = (await bob.received.next()) as ArrayBuffer
  expect(Buffer.from(last).equals(big.subarray(1))).toBe(true)
})

test('bytes come as blobs where the app wants them so', async () => {
  const stage = await Stage.open()
  const [alice, bob] = await stage.pair()
  bob.socket.binaryType = 'blob'
  alice.socket.send('text')
  alice.socket.send(new Uint8Array([1, 2, 3]))
  expect(await bob.received.next()).toBe('text')
  const blob = (await bob.received.next()) as Blob
  expect(new Uint8Array(await blob.arrayBuffer())).toEqual(new Uint8Array([1, 2, 3]))
})

test('what is sent before anybody listens waits, and the close comes last', async () => {
  const stage = await Stage.open()
  const alice = stage.client('alice')
  const bob = await RawPeer.join(stage, 'bob')
  const pipe = await bob.pipe('alice')
  const [, , socket] = await alice.told.peer.next()
  pipe.send('one')
  pipe.send('two')
  pipe.close(4000, 'done')
  await alice.told['peer-left'].next()
  expect(socket.readyState).toBe(3)
  const order: string[] = []
  socket.onclose = ({ code, reason }) => order.push(`${code} ${reason}`)
  const closed = once(socket, 'close')
  socket.onmessage = ({ data }) => order.push(data as string)
  await closed
  expect(order).toEqual(['one', 'two', '4000 done'])
})

test('listeners and handlers are those of an EventTarget', async () => {
  const stage = await Stage.open()
  const [{ socket: alice }, { socket: bob, received }] = await stage.pair()
  const heard: string[] = []
  const first = ({ data }: PipeMessageEvent) => heard.push(`first ${data as string}`)
  bob.onmessage = first
  expect(bob.onmessage).toBe(first)
  bob.addEventListener('message', () => heard.push('once'), { once: true })
  alice.send('1')
  await received.next()
  bob.onmessage = ({ data }) => heard.push(`second ${data as string}`)
  alice.send('2')
  await received.next()
  bob.onmessage = null
  alice.send('3')
  await received.next()
  expect(heard).toEqual(['first 1', 'once', 'second 2'])
  expect(bob.onclose).toBe(null)
})

test('an end without a close frame is 1006, and told once to everybody', async () => {
  const stage = await Stage.open()
  const [alice] = await stage.pair()
  const closes: PipeCloseEvent[] = []
  alice.socket.onclose = (event) => closes.push(event)
  await stage.stop()
  await alice.told['peer-left'].next()
  alice.socket.addEventListener('close', (event) => closes.push(event))
  await stage.start()
  await alice.told.connected.next()
  expect(closes).toHaveLength(1)
  expect(closes[0]).toMatchObject({ type: 'close', code: 1006, reason: '', wasClean: false })
})

test('what is sent after the close goes nowhere', async () => {
  const stage = await Stage.open()
  const [alice, bob] = await stage.pair()
  alice.socket.close()
  expect(alice.socket.readyState).toBe(2)
  alice.socket.send('too late')
  alice.socket.close(4000)
  const closed = once(bob.socket, 'close')
  bob.socket.send('crossing')
  const [event] = (await closed) as [PipeCloseEvent]
  expect(event).toMatchObject({ code: 1005, wasClean: true })
  expect(bob.received.seen).toEqual([])
  expect(bob.socket.bufferedAmount).toBe(0)
})

test('a code that WebSocket does not allow is not sent', async () => {
  const stage = await Stage.open()
  const [alice] = await stage.pair()
  expect(() => alice.socket.close(999)).toThrow()
  expect(alice.socket.readyState).toBe(1)
})

test('a burst and a close arrive whole, in order', async () => {
  const stage = await Stage.open()
  const alice = stage.client('alice')
  const bob = stage.client('bob')
  const [atAlice, [, , socket]] = await Promise.all([ended(alice), bob.told.peer.next()])
  for (let n = 0; n < 5_000; n++) atAlice.socket.send(`message ${n}`)
  atAlice.socket.close(4000, 'all sent')
  await alice.told['peer-left'].next()
  const closed = once(socket, 'close')
  const { seen } = receive(socket)
  await closed
  expect(seen).toEqual(Array.from({ length: 5_000 }, (_, n) => `message ${n}`))
})
