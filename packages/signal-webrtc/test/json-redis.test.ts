import { describe, expect, onTestFinished, test } from 'vitest'
import { Client } from '../../signal-server/test/harness/client.js'
import { Engine, hasEngine, withoutEngine } from '../../signal-redis/test/harness/engine.js'
import { Instance } from '../../signal-redis/test/harness/instance.js'
import { identify, lists, ls, names, next, peer, register } from './harness/talk.js'

const script = new URL('harness/serve.mjs', import.meta.url)

async function client(instance: Instance, path: string): Promise<Client> {
  const client = await Client.open(instance.ws + path)
  onTestFinished(() => client.ws.terminate())
  return client
}

/** A client of each protocol on an instance. */
async function clients(instance: Instance, name: string) {
  const relayed = await client(instance, '/relay-ws')
  const identified = await client(instance, '/rtc')
  const registered = await client(instance, '/call')
  await identify(identified, name, `the name of ${name}`)
  expect(await register(registered, name)).toBe('accepted')
  return { relayed, identified, registered }
}

/** Two processes on one Redis, with a client of each protocol on both, in a call. */
async function stage() {
  const engine = await Engine.start()
  const one = await Instance.start(engine.url, {}, script)
  const other = await Instance.start(engine.url, {}, script)
  const alice = await clients(one, 'alice')
  const bob = await clients(other, 'bob')
  await lists(() => names(alice.registered), ['alice', 'bob'])
  await lists(() => names(bob.registered), ['alice', 'bob'])
  await expect.poll(() => ls(bob.relayed)).toHaveLength(1)
  await expect.poll(() => ls(alice.relayed)).toHaveLength(1)
  expect(await peer(alice.identified, 'bob')).toMatchObject({ name: 'the name of bob' })
  return { engine, one, other, alice, bob }
}

type Clients = Awaited<ReturnType<typeof clients>>

/** Something of each protocol, from one to the other. */
async function reach(from: Clients, to: Clients, names: [string, string]): Promise<void> {
  const [relayedTo] = await ls(from.relayed)
  const [relayedFrom] = await ls(to.relayed)
  from.relayed.send({ type: 'offer', to: relayedTo, sdp: 'v=0' })
  expect(await next(to.relayed, { type: 'offer' })).toMatchObject({ from: relayedFrom })
  from.identified.send({ type: 'offer', data: { target: names[1] } })
  expect(await next(to.identified, { type: 'offer' })).toMatchObject({ data: { source: names[0] } })
  from.registered.send({ id: 'call', from: names[0], to: names[1], sdpOffer: 'offer' })
  expect(await next(to.registered, { id: 'incomingCall' })).toEqual({
    id: 'incomingCall',
    from: names[0],
    offer: 'offer',
  })
}

describe.skipIf(!hasEngine)(`two processes on one Redis${withoutEngine}`, () => {
  test('reach each other, and when one is killed its peers leave within 15 s', async () => {
    const { one, other, alice, bob } = await stage()
    await reach(alice, bob, ['alice', 'bob'])
    const [gone] = await ls(alice.relayed)
    const killed = performance.now()
    await other.kill()
    await Promise.all([
      expect(next(alice.relayed, { type: 'leave' }, 15_000)).resolves.toEqual({
        type: 'leave',
        from: gone,
      }),
      expect(next(alice.identified, { type: 'peer' }, 15_000)).resolves.toMatchObject({
        data: { id: 'bob', remove: true },
      }),
      expect(next(alice.registered, { id: 'stopCommunication' }, 15_000)).resolves.toBeDefined(),
    ])
    expect(performance.now() - killed).toBeLessThan(15_000)
    expect(await ls(alice.relayed)).toEqual([])
    // nobody is kept from a name by a ghost
    expect(await register(await client(one, '/call'), 'bob')).toBe('accepted')
  }, 60_000)

  test('while Redis is gone clients of one process go on; within 10 s of its return all is well', async () => {
    const { engine, one, other, alice, bob } = await stage()
    await engine.kill()
    const near = await clients(one, 'near')
    alice.registered.send({ id: 'call', from: 'alice', to: 'near', sdpOffer: 'offer' })
    expect(await next(near.registered, { id: 'incomingCall' })).toMatchObject({ from: 'alice' })
    expect(await peer(alice.identified, 'near')).toMatchObject({ name: 'the name of near' })
    await bob.relayed.kill()
    bob.relayed = await client(other, '/relay-ws')

    await engine.run()
    const back = performance.now()
    expect(await peer(bob.identified, 'near', 10_000)).toMatchObject({ name: 'the name of near' })
    await lists(() => names(bob.registered), ['alice', 'bob', 'near'])
    await next(alice.relayed, { type: 'leave' }, 10_000)
    await expect.poll(() => ls(bob.relayed), { timeout: 10_000 }).toHaveLength(2)
    expect(performance.now() - back).toBeLessThan(10_000)
    expect(await register(await client(one, '/call'), 'bob')).toBe('rejected')
    bob.registered.send({ id: 'call', from: 'bob', to: 'alice', sdpOffer: 'offer' })
    expect(await next(bob.registered, { id: 'callResponse' })).toMatchObject({
      message: expect.stringContaining('in another call'),
    })
  }, 60_000)
})
