import { Client } from 'signal-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Network } from '../../signal-server/test/published-clients/harness/network.js'
import { pairs, talk } from '../../signal-server/test/published-clients/harness/talk.js'
import {
  PUBLISHED,
  type TestClient,
} from '../../signal-server/test/published-clients/harness/test-client.js'
import { listen, type Told } from './harness/events.js'
import { receive, type Ended } from './harness/stage.js'

const key = 'happy-raccoon'
let network: Network
let ours: Client
let told: Told

beforeEach(async () => {
  network = await Network.open()
  ours = new Client({ url: network.url, id: 'ours', keys: [key] })
  told = listen(ours)
})
afterEach(async () => {
  await ours.close()
  await network.close()
})

/** Our pipe to a published client. */
async function pipes(count: number): Promise<Map<string, Pick<Ended, 'socket' | 'received'>>> {
  const found = new Map<string, Pick<Ended, 'socket' | 'received'>>()
  while (found.size < count) {
    const [peer, , socket] = await told.peer.next('a published client', 30_000)
    found.set(peer.id, { socket, received: receive(socket) })
  }
  return found
}

async function talkWith(
  client: TestClient,
  { socket, received }: Pick<Ended, 'socket' | 'received'>,
) {
  const theirs = await client.peer('ours', key)
  socket.send('from us')
  socket.send(new Uint8Array([0, 1, 254, 255]))
  theirs.send('from them')
  theirs.send(Buffer.from([255, 254, 1, 0]))
  expect(await theirs.next(2)).toEqual(['from us', Buffer.from([0, 1, 254, 255])])
  expect(await received.next()).toBe('from them')
  expect(await received.next()).toEqual(new Uint8Array([255, 254, 1, 0]).buffer)
}

test.each(PUBLISHED)(
  'a %s client and ours talk, and lose nothing that is sent at once',
  async (generation) => {
    const theirs = network.start(generation, 'theirs', key)
    const connected = theirs.peer('ours', key).then((pipe) => {
      for (let n = 0; n < 100; n++) pipe.send(`early ${n}`)
    })
    const [pipe] = (await pipes(1)).values()
    await connected
    for (let n = 0; n < 100; n++) expect(await pipe!.received.next()).toBe(`early ${n}`)
    await talkWith(theirs, pipe!)
    expect(theirs.reconnects).toBe(0)
  },
)

test('clients of all generations and ours talk in one room, each with each', async () => {
  const published = PUBLISHED.map((generation) => network.start(generation, generation, key))
  const found = await pipes(published.length)
  await Promise.all(published.map((client) => talkWith(client, found.get(client.id)!)))
  await Promise.all(pairs(published).map(([a, b]) => talk(a, b, key)))
})

test.each(PUBLISHED)('a %s client sees ours leave, and come back', async (generation) => {
  const theirs = network.start(generation, 'theirs', key)
  await pipes(1)
  const pipe = await theirs.peer('ours', key)
  ours.leave(key)
  expect(await pipe.closed).toEqual({ code: 1000, reason: '' })
  expect((await told['peer-left'].next()).slice(1)).toEqual([key, 'closed'])
  ours.join(key)
  const found = await pipes(1)
  await talkWith(theirs, found.get('theirs')!)
})

test.each(PUBLISHED)(
  'ours is told when a %s client leaves, and when it dies',
  async (generation) => {
    const first = network.start(generation, 'first', key)
    await pipes(1)
    await first.peer('ours', key)
    first.leave(key)
    expect((await told['peer-left'].next())[2]).toBe('closed')
    const second = network.start(generation, 'second', key)
    await pipes(1)
    await second.peer('ours', key)
    second.kill()
    const [peer, , why] = await told['peer-left'].next()
    expect([peer.id, why]).toEqual(['second', 'lost'])
    expect(ours.peers.size).toBe(0)
  },
)

test.each(PUBLISHED)(
  'a lost pipe to a %s client is connected anew',
  { timeout: 60_000 },
  async (generation) => {
    const theirs = network.start(generation, 'theirs', key)
    await pipes(1)
    const lost = await theirs.peer('ours', key)
    lost.cut()
    expect((await told['peer-left'].next())[2]).toBe('lost')
    const found = await pipes(1)
    await theirs.pipes.until((all) => all.length === 2, 'the second pipe')
    const { socket, received } = found.get('theirs')!
    const pipe = theirs.pipes.items[1]!
    socket.send('again')
    pipe.send('and again')
    expect(await pipe.next()).toEqual(['again'])
    expect(await received.next()).toBe('and again')
  },
)

test('after a restart all of them find each other again', { timeout: 60_000 }, async () => {
  const published = PUBLISHED.map((generation) => network.start(generation, generation, key))
  const eachWithEach = async () => {
    const found = await pipes(published.length)
    for (const client of published) await talkWith(client, found.get(client.id)!)
    await Promise.all(pairs(published).map(([a, b]) => talk(a, b, key)))
  }
  await eachWithEach()
  await network.restartServer(() => told.disconnected.next())
  await eachWithEach()
})

test('a large message goes through whole', async () => {
  const theirs = network.start('v4', 'theirs', key)
  const [pipe] = (await pipes(1)).values()
  const text = 'x'.repeat(1024 * 1024)
  pipe!.socket.send(text)
  expect(await (await theirs.peer('ours', key)).next()).toEqual([text])
})
