import { once } from 'node:events'
import type { Peer, PipeCloseEvent } from 'signal-client'
import { expect, test } from 'vitest'
import { RawPeer } from './harness/raw-peer.js'
import { ended, Stage } from './harness/stage.js'

const size = 100_000
const count = 400

/** 40 MB: more than the kernel and the server take without being read. */
function sendMuch(socket: { send(text: string): void }): void {
  for (let n = 0; n < count; n++) socket.send(`${n} `.padEnd(size))
}

/** Reads to the end. @returns how many messages came */
async function readSlowly(peer: Peer): Promise<number> {
  let read = 0
  for await (const message of peer.stream('k')!) {
    expect(parseInt(message as string)).toBe(read++)
    // how slowly this reader reads is what is tested
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return read
}

test('of 40 MB and a close a slow reader gets all', { timeout: 40_000 }, async () => {
  const stage = await Stage.open()
  const bob = stage.client('bob')
  const alice = await ended(stage.client('alice'))
  const [peer] = await bob.told.peer.next()
  sendMuch(alice.socket)
  alice.socket.close(4000, 'all sent')

  expect(await readSlowly(peer)).toBe(count)
  for (const { told } of [alice, bob]) {
    expect((await told['peer-left'].next())[2]).toBe('closed')
  }
})

test('of 40 MB and the end of the client a slow reader gets all', { timeout: 40_000 }, async () => {
  const stage = await Stage.open()
  const bob = stage.client('bob')
  const alice = await ended(stage.client('alice'))
  const [peer] = await bob.told.peer.next()
  sendMuch(alice.socket)
  const closed = alice.client.close()
  expect(await readSlowly(peer)).toBe(count)
  await closed
})

test('who closes is told where a peer that reads nothing has lost it', async () => {
  const stage = await Stage.open({ stallTimeout: 1_000 })
  const alice = stage.client('alice')
  const bob = await RawPeer.join(stage, 'bob')
  const pipe = await bob.pipe('alice')
  const { told, socket } = await ended(alice)
  pipe.pause()
  const closed = once(socket, 'close')
  sendMuch(socket)
  socket.close(4000, 'all sent')
  const [{ code }] = (await closed) as [PipeCloseEvent]
  expect(code).toBe(4408)
  expect((await told['peer-left'].next())[2]).toBe('lost')
})

test('a close that nobody answers ends by itself', { timeout: 20_000 }, async () => {
  const stage = await Stage.open()
  const proxy = await stage.proxy()
  const [alice] = await stage.pair({ url: `http://127.0.0.1:${proxy.port}` })
  proxy.cut()
  alice.socket.send('into the void')
  alice.socket.close()
  expect((await alice.told['peer-left'].next('the end', 15_000))[2]).toBe('lost')
  proxy.reset()
})
