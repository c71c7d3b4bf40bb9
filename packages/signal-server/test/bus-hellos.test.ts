import { describe, expect, test } from 'vitest'
import { topics } from '../src/cluster/topics.js'
import { decode, type Signed } from '../src/cluster/wire.js'
import { eventually } from './harness/arrivals.js'
import type { Client } from './harness/client.js'
import { linkHello, offering } from './harness/links.js'
import { ServerGroup } from './harness/server-group.js'

type Servers = Awaited<ReturnType<typeof ServerGroup.start>>

const raw = '{"type":"Paired"}'
const linked = (hello: string) => `{"type":"Paired","link":"${hello}"}`

const texts = async (...clients: Client[]) =>
  Promise.all(clients.map(async ({ messages }) => (await messages.next('a text')).text))

/** Two clients on two servers that ask for each other, with what each offers. */
async function asking(group: Servers, offers: readonly string[][]): Promise<[Client, Client]> {
  const a = await group.client(0, '/connection/alice/bob/k', offers[0])
  const b = await group.client(1, '/connection/bob/alice/k', offers[1])
  return [a, b]
}

describe('a hello that travels from one server to another', () => {
  test('arrives though the bus loses the first words, and is late', async () => {
    const group = await ServerGroup.start(2)
    let lost = 0
    group.bus.loses = ({ t }) => t === 'hold' && ++lost <= 2
    group.bus.delay = () => 20
    const [mine, theirs] = [linkHello(), linkHello()]
    const [a, b] = await asking(group, [offering(mine), offering(theirs)])
    expect(await texts(a, b)).toEqual([linked(theirs), linked(mine)])
  })

  test('is not published to all who hear of the pair', async () => {
    const group = await ServerGroup.start(3)
    const heard: Signed[] = []
    const [mine, theirs] = [linkHello(), linkHello()]
    const listener = group.bus.member()
    await listener.subscribe(topics.pair('', ['alice', 'bob'], 'k'), (bytes) => {
      heard.push(decode(bytes)!)
    })
    const [a, b] = await asking(group, [offering(mine), offering(theirs)])
    await texts(a, b)
    expect(heard.length).toBeGreaterThan(0)
    for (const hello of [mine, theirs]) expect(JSON.stringify(heard)).not.toContain(hello)
  })

  /** An instance that leads: it waits for alice, proposes, and commits with what it is told to. */
  async function leader(group: Servers, link: unknown) {
    const bus = group.bus.member()
    const instance = 'leader'
    const nonce = '0'
    const accepted: Signed[] = []
    const gone: Signed[] = []
    const send = (topic: string, message: object) =>
      bus.publish(topic, Buffer.from(JSON.stringify({ ...message, instance })))
    await bus.subscribe(topics.instance(instance), (bytes) => {
      const message = decode(bytes)!
      if (message.t === 'gone') gone.push(message)
      if (message.t === 'hold') {
        const propose = { t: 'propose', mine: nonce, yours: message.hold.nonce }
        send(topics.instance(message.instance), propose)
      }
      if (message.t !== 'accept') return
      accepted.push(message)
      const commit = { t: 'commit', mine: nonce, yours: message.mine, link }
      send(topics.instance(message.instance), commit)
    })
    const place = { app: '', localId: 'bob', remoteId: 'alice', key: 'k' }
    const hold = { ...place, nonce, time: 1, piped: false }
    send(topics.pair('', ['alice', 'bob'], 'k'), { t: 'hold', hold })
    return { accepted, gone }
  }

  test.each([7, {}, null, 'short', 'a'.repeat(301), `${'a'.repeat(30)}"`])(
    'and is %j makes no pair',
    async (link) => {
      const group = await ServerGroup.start(1)
      const hello = linkHello()
      const a = await group.client(0, '/connection/alice/bob/k', offering(hello))
      const { accepted, gone } = await leader(group, link)
      await eventually(() => gone.length > 0, 'to be refused')
      expect(accepted).toMatchObject([{ link: hello }])
      expect(group.gauge('waiting')).toEqual([1])
      // it waits for another one
      const b = await group.client(0, '/connection/bob/alice/k', offering(hello))
      expect(await texts(a, b)).toEqual([linked(hello), linked(hello)])
    },
  )

  test('and of which the client here has none makes no pair either', async () => {
    const group = await ServerGroup.start(1)
    await group.client(0, '/connection/alice/bob/k', ['signal.v1'])
    const { accepted, gone } = await leader(group, linkHello())
    await eventually(() => gone.length > 0, 'to be refused')
    expect(accepted[0]).not.toHaveProperty('link')
  })

  test('is none for a server of an older version, and both get the plain Paired', async () => {
    const group = await ServerGroup.start(1)
    const a = await group.client(0, '/connection/alice/bob/k', offering(linkHello()))
    await leader(group, undefined)
    expect(await texts(a)).toEqual([raw])
  })

  /** An instance that follows: it waits for alice, and accepts with what it is told to. */
  async function follower(group: Servers, link: unknown) {
    const bus = group.bus.member()
    const instance = 'follower'
    const nonce = 'z'
    const committed: Signed[] = []
    const send = (topic: string, message: object) =>
      bus.publish(topic, Buffer.from(JSON.stringify({ ...message, instance })))
    await bus.subscribe(topics.instance(instance), (bytes) => {
      const message = decode(bytes)!
      if (message.t === 'commit') committed.push(message)
      if (message.t !== 'propose') return
      const accept = { t: 'accept', mine: nonce, yours: message.mine, link }
      send(topics.instance(message.instance), accept)
    })
    const place = { app: '', localId: 'bob', remoteId: 'alice', key: 'k' }
    const hold = { ...place, nonce, time: 1, piped: false }
    send(topics.pair('', ['alice', 'bob'], 'k'), { t: 'hold', hold })
    return committed
  }

  test.each([undefined, 7, {}, null, 'short', 'a'.repeat(301), `${'a'.repeat(30)}"`])(
    'and comes back as %j counts as none, for both',
    async (link) => {
      const group = await ServerGroup.start(1)
      const a = await group.client(0, '/connection/alice/bob/k', offering(linkHello()))
      const committed = await follower(group, link)
      expect(await texts(a)).toEqual([raw])
      await eventually(() => committed.length > 0, 'a commit')
      expect(committed[0]).not.toHaveProperty('link')
    },
  )

  test('is told to the follower if it has answered with its own', async () => {
    const group = await ServerGroup.start(1)
    const [mine, theirs] = [linkHello(), linkHello()]
    const a = await group.client(0, '/connection/alice/bob/k', offering(mine))
    const committed = await follower(group, theirs)
    expect(await texts(a)).toEqual([linked(theirs)])
    await eventually(() => committed.length > 0, 'a commit')
    expect(committed[0]).toMatchObject({ link: mine })
  })
})
