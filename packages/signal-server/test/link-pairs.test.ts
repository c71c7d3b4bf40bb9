import { describe, expect, onTestFinished, test } from 'vitest'
import { Tokens } from 'signal-server'
import { eventually } from './harness/arrivals.js'
import { Client } from './harness/client.js'
import { badHellos, linkHello, offering } from './harness/links.js'
import { ServerGroup } from './harness/server-group.js'
import { Stage } from './harness/stage.js'

const raw = '{"type":"Paired"}'
const linked = (hello: string) => `{"type":"Paired","link":"${hello}"}`

/** Two clients that ask for each other, on two of the servers, with what each offers. */
async function asking(
  group: ServerGroup,
  [one, other]: readonly [number, number],
  offers: readonly (readonly string[])[],
  key = 'k',
): Promise<[Client, Client]> {
  const a = await group.client(one, `/connection/alice/bob/${key}`, [...offers[0]!])
  const b = await group.client(other, `/connection/bob/alice/${key}`, [...offers[1]!])
  return [a, b]
}

const texts = async (...clients: Client[]) =>
  Promise.all(clients.map(async ({ messages }) => (await messages.next('a text')).text))

/** What one sends is the next that the other gets, both ways. */
async function expectJoined(a: Client, b: Client): Promise<void> {
  a.send('from a')
  b.send('from b')
  expect(await texts(a, b)).toEqual(['from b', 'from a'])
}

describe.each([
  [0, 0],
  [0, 1],
  [1, 0],
] as const)('clients of server %i and server %i', (...members) => {
  test('that both offer a hello get that of the other in Paired', async () => {
    const group = await ServerGroup.start(2)
    const [mine, theirs] = [linkHello(), linkHello()]
    const [a, b] = await asking(group, members, [offering(mine), offering(theirs)])
    expect([a, b].map(({ ws }) => ws.protocol)).toEqual(['signal.v1', 'signal.v1'])
    expect(await texts(a, b)).toEqual([linked(theirs), linked(mine)])
    await expectJoined(a, b)
    await a.close()
    await b.closed
    await group.expectQuiet()
  })

  test.each([20, 125, 126, 300])('may offer a hello of %i characters', async (length) => {
    const group = await ServerGroup.start(2)
    const [mine, theirs] = [linkHello(length), linkHello(20)]
    const [a, b] = await asking(group, members, [offering(mine), offering(theirs)])
    expect(await texts(a, b)).toEqual([linked(theirs), linked(mine)])
    await expectJoined(a, b)
  })

  test.each([
    ['the first', [offering(linkHello()), ['signal.v1']]],
    ['the second', [['signal.v1'], offering(linkHello())]],
    ['neither', [['signal.v1'], ['signal.v1']]],
  ] as const)('get the plain Paired if %s offers one', async (_who, offers) => {
    const group = await ServerGroup.start(2)
    const [a, b] = await asking(group, members, offers)
    expect(await texts(a, b)).toEqual([raw, raw])
    await expectJoined(a, b)
  })

  test.each(Object.entries(badHellos))('get the plain Paired for %s', async (_what, bad) => {
    const group = await ServerGroup.start(2)
    const good = offering(linkHello())
    for (const [n, offers] of [[bad, good] as const, [good, bad] as const].entries()) {
      const [a, b] = await asking(group, members, offers, `k${n}`)
      expect([a, b].map(({ ws }) => ws.protocol)).toEqual(['signal.v1', 'signal.v1'])
      expect(await texts(a, b)).toEqual([raw, raw])
      await expectJoined(a, b)
    }
  })

  test('of which one is of an older generation: that one is told nothing', async () => {
    const group = await ServerGroup.start(2)
    for (const older of [0, 1]) {
      const offers = [offering(linkHello()), offering(linkHello())]
      offers[older] = []
      const both = await asking(group, members, offers, `k${older}`)
      expect(await texts(both[1 - older]!)).toEqual([raw])
      await expectJoined(...both)
    }
  })

  test('of which one offers a hello without signal.v1: that one is told nothing', async () => {
    const group = await ServerGroup.start(2)
    const a = await group.client(members[0], '/connection/alice/bob/k', offering(linkHello()))
    const header = `signal.link.1.${linkHello()}`
    const b = await group.upgraded(members[1], '/connection/bob/alice/k', {
      headers: { 'Sec-WebSocket-Protocol': header },
    })
    expect(await texts(a)).toEqual([raw])
    a.send('from a')
    // the ping asks whether it listens
    expect((await b.frame()).opcode).toBe(9)
    expect((await b.frame('the text')).payload.toString()).toBe('from a')
  })

  test('get what was held behind Paired', async () => {
    const group = await ServerGroup.start(2)
    const [mine, theirs] = [linkHello(), linkHello()]
    const a = await group.client(members[0], '/connection/alice/bob/k', offering(mine))
    a.send('held')
    await a.settled()
    const b = await group.client(members[1], '/connection/bob/alice/k', offering(theirs))
    expect(await texts(a, b)).toEqual([linked(theirs), linked(mine)])
    expect(await texts(b)).toEqual(['held'])
  })

  test('get the hello of the newest connection', async () => {
    const group = await ServerGroup.start(2)
    const hellos = Array.from({ length: 5 }, () => linkHello())
    const path = '/connection/alice/bob/k'
    const waits = await group.client(members[0], path, offering(hellos[0]!))
    const newer = await group.client(members[1], path, offering(hellos[1]!))
    expect((await waits.closed).code).toBe(4409)
    const back = '/connection/bob/alice/k'
    const b = await group.client(members[0], back, offering(hellos[2]!))
    expect(await texts(newer, b)).toEqual([linked(hellos[2]!), linked(hellos[1]!)])
    // it comes back to a pipe, and so does its peer
    const again = await group.client(members[0], path, offering(hellos[3]!))
    expect((await newer.closed).code).toBe(4409)
    expect((await b.closed).code).toBe(4410)
    const peer = await group.client(members[1], back, offering(hellos[4]!))
    expect(await texts(again, peer)).toEqual([linked(hellos[4]!), linked(hellos[3]!)])
    await expectJoined(again, peer)
  })
})

test('what waits with a hello is counted with what is held, and a pair keeps none', async () => {
  const stage = await Stage.open()
  const held = () => stage.server.stats().endpoints['connection']!['heldBytes']
  const clients: Client[] = []
  for (let n = 0; n < 10; n++) {
    clients.push(await stage.client(`/connection/alice/bob/${n}`, offering(linkHello(300))))
  }
  expect(held()).toBe(3_000)
  expect(stage.server.stats().bufferedBytes).toBe(3_000)
  for (const [n, client] of clients.entries()) {
    const other = await stage.client(`/connection/bob/alice/${n}`, offering(linkHello(300)))
    await texts(client, other)
  }
  expect(held()).toBe(0)
  expect(stage.server.stats().bufferedBytes).toBe(0)
  const left = await stage.client('/connection/alice/bob/left', offering(linkHello(300)))
  expect(held()).toBe(300)
  await left.close()
  await eventually(() => held() === 0, 'nothing to be held')
})

test('a hello and a token of the largest size fit into a handshake together', async () => {
  const tokens = new Tokens({ secret: 'correct horse battery staple 123' })
  const stage = await Stage.open({
    authorize: (request, claim, token) =>
      request.url?.includes('bystand') ? true : tokens.authorize(request, claim, token),
  })
  const keys = Array.from({ length: 100 }, (_, n) => `a-key-of-thirty-characters-${n}`)
  const token = await tokens.issue({ app: 'app', keys })
  expect(token.length).toBeGreaterThan(3_000)
  const hello = linkHello(300)
  const offers = [`signal.token.${token}`, ...offering(hello)]
  const path = (a: string, b: string) => `/connection/${a}/${b}/${keys[0]}`
  const a = await stage.client(path('alice', 'bob'), offers)
  const b = await stage.client(path('bob', 'alice'), offers)
  expect(await texts(a, b)).toEqual([linked(hello), linked(hello)])
  const refused = Client.open(`${stage.ws}${path('alice', 'bob')}`, offering(hello))
  onTestFinished(() => refused.then(({ ws }) => ws.terminate()).catch(() => {}))
  await expect(refused).rejects.toThrow('401')
})
