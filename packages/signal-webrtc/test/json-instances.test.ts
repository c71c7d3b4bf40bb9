import { LocalBus, Tokens, type EndpointFactory, type SignalServerOptions } from 'signal-server'
import { FaultyBus } from 'signal-server/testing'
import { call, relayWs, rtc } from 'signal-webrtc'
import { expect, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import type { Client } from '../../signal-server/test/harness/client.js'
import { Served } from './harness/serve.js'
import { identify, lists, ls, names, next, peer, register } from './harness/talk.js'

/** Two servers on one bus. */
async function two(endpoint: () => EndpointFactory, options: SignalServerOptions = {}) {
  const bus = new FaultyBus(new LocalBus())
  const start = () => Served.start(endpoint(), { ...options, bus })
  const [one, other] = [await start(), await start()]
  return { bus, one, other, start }
}

/** Alice on one, Bob on the other instance, who know of each other. */
async function relayed() {
  const stage = await two(relayWs)
  const alice = await stage.one.client('/relay-ws')
  const bob = await stage.other.client('/relay-ws')
  await expect.poll(() => ls(alice)).toHaveLength(1)
  await expect.poll(() => ls(bob)).toHaveLength(1)
  const [[bobId], [aliceId]] = [await ls(alice), await ls(bob)] as [[string], [string]]
  return { ...stage, alice, bob, aliceId, bobId }
}

async function identified() {
  const stage = await two(() => rtc({ version: '1' }))
  const alice = await stage.one.client('/rtc')
  const bob = await stage.other.client('/rtc')
  await identify(alice, 'alice', 'Alice')
  await identify(bob, 'bob', 'Bob')
  expect(await peer(alice, 'bob')).toEqual({ id: 'bob', name: 'Bob' })
  expect(await peer(bob, 'alice')).toEqual({ id: 'alice', name: 'Alice' })
  return { ...stage, alice, bob }
}

async function registered() {
  const stage = await two(call)
  const alice = await stage.one.client('/call')
  const bob = await stage.other.client('/call')
  expect(await register(alice, 'alice')).toBe('accepted')
  expect(await register(bob, 'bob')).toBe('accepted')
  await lists(() => names(alice), ['alice', 'bob'])
  await lists(() => names(bob), ['alice', 'bob'])
  return { ...stage, alice, bob }
}

/** Alice has called Bob, who is on the other instance, and he has accepted. */
async function talking() {
  const stage = await registered()
  const { alice, bob } = stage
  alice.send({ id: 'call', from: 'alice', to: 'bob', sdpOffer: 'her offer' })
  await next(bob, { id: 'incomingCall' })
  bob.send({
    id: 'incomingCallResponse',
    from: 'alice',
    callResponse: 'accept',
    sdpOffer: 'his answer',
  })
  expect(await next(bob, { id: 'startCommunication' })).toMatchObject({ sdpAnswer: 'her offer' })
  expect(await next(alice, { id: 'callResponse' })).toMatchObject({
    response: 'accepted',
    sdpAnswer: 'his answer',
  })
  return stage
}

const heardNothing = async (client: Client) => {
  await client.settled()
  expect(client.messages.take().map(({ text }) => text)).toEqual([])
}

/** Instances that do not hear each other know what was first by their clocks, to the millisecond. */
async function clocksMove(): Promise<void> {
  const now = Date.now()
  await eventually(() => Date.now() > now + 5, 'a later time')
}

test.each(['offer', 'answer', 'ice'])(
  'relay-ws: %s crosses, stamped by the server',
  async (type) => {
    const { alice, bob, aliceId, bobId } = await relayed()
    alice.send({ type, from: bobId, to: bobId, sdp: 'v=0' })
    expect(await next(bob, { type })).toEqual({ type, from: aliceId, to: bobId, sdp: 'v=0' })
    alice.send({ type, to: 'nobody', sdp: 'v=0' })
    expect(await next(alice, { type: 'error' })).toMatchObject({ code: 'unknown_peer' })
    await heardNothing(bob)
  },
)

test('relay-ws: leave crosses once, whether it is said or the socket is gone', async () => {
  const { alice, bob, other, aliceId, bobId } = await relayed()
  bob.send({ type: 'leave' })
  expect(await next(alice, { type: 'leave' })).toEqual({ type: 'leave', from: bobId })
  expect(await ls(alice)).toEqual([])
  await bob.kill()
  const carol = await other.client('/relay-ws')
  await lists(() => ls(carol), [aliceId])
  await alice.kill()
  expect(await next(carol, { type: 'leave' })).toEqual({ type: 'leave', from: aliceId })
  await heardNothing(carol)
})

test('relay-ws: an instance that starts later hears who is there; one that closes takes its own along', async () => {
  const { alice, bob, start, other, aliceId, bobId } = await relayed()
  const third = await start()
  const carol = await third.client('/relay-ws')
  await lists(() => ls(carol), [aliceId, bobId])
  bob.ws.on('close', () => {})
  await other.server.close()
  for (const client of [alice, carol]) {
    expect(await next(client, { type: 'leave' })).toEqual({ type: 'leave', from: bobId })
  }
})

test('rtc: offer, accept, reject and candidates cross, stamped by the server', async () => {
  const { alice, bob } = await identified()
  for (const type of ['offer', 'accept', 'reject', 'anything else']) {
    alice.send({ type, data: { target: 'bob', sdp: 'x' } })
    expect(await next(bob, { type })).toEqual({
      type,
      data: { source: 'alice', target: 'bob', sdp: 'x' },
    })
  }
  bob.send({ type: 'icecandidate', data: { target: 'alice', candidate: 1 } })
  expect(await next(alice, { type: 'icecandidate' })).toEqual({
    type: 'icecandidate',
    data: { id: 'bob', target: 'alice', candidate: 1 },
  })
  for (const [target, source, code] of [
    ['nobody', 'alice', 'unknown_peer'],
    ['bob', 'bob', 'forbidden'],
  ]) {
    alice.send({ type: 'offer', data: { target, source } })
    expect(await next(alice, { type: 'error' })).toMatchObject({ data: { code } })
  }
  await heardNothing(bob)
})

test('rtc: newcomers, names that change, and who is gone are told across', async () => {
  const { alice, bob, other } = await identified()
  await identify(alice, 'alice', 'Alice 2')
  expect(await peer(bob, 'alice')).toEqual({ id: 'alice', name: 'Alice 2' })
  const carol = await other.client('/rtc')
  await identify(carol, 'carol', '')
  expect(await peer(carol, 'alice')).toEqual({ id: 'alice', name: 'Alice 2' })
  expect(await peer(alice, 'carol')).toEqual({ id: 'carol', name: '' })
  await identify(carol, 'caroline', 'C')
  expect(await peer(alice, 'carol')).toEqual({ id: 'carol', name: '', remove: true })
  expect(await peer(alice, 'caroline')).toEqual({ id: 'caroline', name: 'C' })
  await bob.kill()
  expect(await peer(alice, 'bob')).toEqual({ id: 'bob', name: 'Bob', remove: true })
})

test('rtc: the id of a live socket on another instance is refused, until it is gone', async () => {
  const { alice, bob, one } = await identified()
  const thief = await one.client('/rtc')
  await identify(thief, 'bob', 'Bob?')
  expect(await next(thief, { type: 'error' })).toMatchObject({ data: { code: 'forbidden' } })
  await heardNothing(alice)
  await bob.close()
  expect(await peer(alice, 'bob')).toMatchObject({ remove: true })
  await identify(thief, 'bob', 'Bob!')
  expect(await peer(alice, 'bob')).toEqual({ id: 'bob', name: 'Bob!' })
})

test('call: a call, candidates, answers and stop cross', async () => {
  const { alice, bob } = await talking()
  alice.send({ id: 'onIceCandidate', candidate: 'a' })
  expect(await bob.json()).toEqual({ id: 'iceCandidate', candidate: 'a' })
  bob.send({ id: 'onIceCandidate', candidate: 'b' })
  expect(await alice.json()).toEqual({ id: 'iceCandidate', candidate: 'b' })
  bob.send({ id: 'answer', sdp: 'new' })
  expect(await alice.json()).toEqual({ id: 'startCommunication', sdpAnswer: 'new' })
  alice.send({ id: 'stop' })
  expect(await bob.json()).toMatchObject({ id: 'stopCommunication' })
  await heardNothing(alice)
})

test('call: a refusal reaches the caller, and both are free again', async () => {
  const { alice, bob } = await registered()
  for (let round = 0; round < 2; round++) {
    alice.send({ id: 'call', from: 'alice', to: 'bob', sdpOffer: 'offer' })
    expect(await next(bob, { id: 'incomingCall' })).toMatchObject({ from: 'alice', offer: 'offer' })
    bob.send({ id: 'incomingCallResponse', from: 'alice', callResponse: 'no', message: 'Not now' })
    expect(await next(alice, { id: 'callResponse' })).toEqual({
      id: 'callResponse',
      response: 'rejected',
      message: 'Not now',
    })
  }
})

test('call: who is in a call on another instance, or unknown, is not called', async () => {
  const { one, alice, bob } = await talking()
  const carol = await one.client('/call')
  await register(carol, 'carol')
  for (const to of ['bob', 'nobody']) {
    carol.send({ id: 'call', from: 'carol', to, sdpOffer: 'offer' })
    expect(await next(carol, { id: 'callResponse' })).toMatchObject({ response: 'rejected' })
  }
  await heardNothing(bob)
  // carol is in no call now, and alice's goes on
  alice.send({ id: 'onIceCandidate', candidate: 'a' })
  expect(await bob.json()).toEqual({ id: 'iceCandidate', candidate: 'a' })
  await bob.kill()
  expect(await alice.json()).toMatchObject({ id: 'stopCommunication' })
})

test('call: the name of a live socket on another instance is rejected, until it is gone', async () => {
  const { one, alice, bob } = await registered()
  const thief = await one.client('/call')
  expect(await register(thief, 'bob')).toBe('rejected')
  await bob.close()
  await lists(() => names(alice), ['alice'])
  expect(await register(thief, 'bob')).toBe('accepted')
})

test('call: an instance that closes ends the calls of its clients', async () => {
  const { alice, other } = await talking()
  await other.server.close()
  expect(await next(alice, { id: 'stopCommunication' })).toMatchObject({ response: 'rejected' })
  expect(await names(alice)).toEqual(['alice'])
})

test('while the bus is down clients of one instance go on, and those who reach across are told', async () => {
  const { bus, one, other, alice, bob } = await identified()
  bus.cut()
  const near = await one.client('/rtc')
  await identify(near, 'near', 'Near')
  expect(await peer(alice, 'near')).toEqual({ id: 'near', name: 'Near' })
  near.send({ type: 'offer', data: { target: 'alice' } })
  expect(await next(alice, { type: 'offer' })).toMatchObject({ data: { source: 'near' } })
  alice.send({ type: 'offer', data: { target: 'bob' } })
  expect(await next(alice, { type: 'error' })).toMatchObject({ data: { code: 'server_full' } })
  const lost = await other.client('/rtc')
  await identify(lost, 'lost', 'Lost')
  await bob.close()
  expect(await peer(lost, 'bob')).toEqual({ id: 'bob', name: 'Bob' })
  expect(await peer(lost, 'bob')).toMatchObject({ remove: true })
  await heardNothing(alice)

  bus.mend()
  expect(await peer(lost, 'near')).toEqual({ id: 'near', name: 'Near' })
  expect(await peer(near, 'lost')).toEqual({ id: 'lost', name: 'Lost' })
  expect(await peer(near, 'bob')).toMatchObject({ remove: true })
  near.send({ type: 'offer', data: { target: 'lost' } })
  expect(await next(lost, { type: 'offer' })).toMatchObject({ data: { source: 'near' } })
})

test('an id taken on two instances while they were apart stays with the one who had it first', async () => {
  const { bus, one, other, alice, bob } = await identified()
  bus.cut()
  const first = await one.client('/rtc')
  await identify(first, 'carol', 'the first')
  await clocksMove()
  const second = await other.client('/rtc')
  await identify(second, 'carol', 'the second')
  expect(await peer(bob, 'carol')).toMatchObject({ name: 'the second' })
  bus.mend()
  expect(await next(second, { type: 'error' })).toMatchObject({ data: { code: 'forbidden' } })
  expect(await peer(bob, 'carol')).toEqual({ id: 'carol', name: 'the first' })
  bob.send({ type: 'offer', data: { target: 'carol' } })
  expect(await next(first, { type: 'offer' })).toMatchObject({ data: { source: 'bob' } })
  second.send({ type: 'offer', data: { target: 'bob' } })
  expect(await next(second, { type: 'error' })).toMatchObject({ data: { code: 'forbidden' } })
  expect(await peer(alice, 'carol')).toMatchObject({ name: 'the first' })
  await heardNothing(alice)
})

test('call: a name taken on two instances while they were apart ends the younger one’s call', async () => {
  const { bus, one, other, bob } = await registered()
  bus.cut()
  expect(await register(await one.client('/call'), 'carol')).toBe('accepted')
  await clocksMove()
  const second = await other.client('/call')
  expect(await register(second, 'carol')).toBe('accepted')
  second.send({ id: 'call', from: 'carol', to: 'bob', sdpOffer: 'offer' })
  await next(bob, { id: 'incomingCall' })
  bus.mend()
  expect(await second.json()).toEqual({ id: 'registerResponse', response: 'rejected' })
  expect(await bob.json()).toMatchObject({ id: 'stopCommunication' })
})

test('call: a call that one party stopped during an outage is over for the other after it', async () => {
  const { bus, alice, bob } = await talking()
  bus.cut()
  bob.send({ id: 'stop' })
  await heardNothing(bob)
  await heardNothing(alice)
  bus.mend()
  expect(await alice.json()).toMatchObject({ id: 'stopCommunication' })
})

test('call: a call that nobody stopped during an outage goes on after it', async () => {
  const { bus, one, alice, bob } = await talking()
  bus.cut()
  alice.send({ id: 'onIceCandidate', candidate: 'lost' })
  expect(await alice.json()).toMatchObject({ id: 'error', code: 'server_full' })
  const near = await one.client('/call')
  await register(near, 'near')
  bus.mend()
  await lists(() => names(bob), ['alice', 'bob', 'near'])
  alice.send({ id: 'onIceCandidate', candidate: 'a' })
  expect(await next(bob, { id: 'iceCandidate' })).toMatchObject({ candidate: 'a' })
  await heardNothing(alice)
})

test('apps share nothing across instances either', async () => {
  const tokens = new Tokens({ secret: 'a secret of at least thirty-two bytes' })
  const { one, other } = await two(call, { authorize: tokens.authorize })
  const enter = async (served: Served, app: string) =>
    served.client(`/t/${await tokens.issue({ app })}/call`)
  const [alice, bob, stranger] = [
    await enter(one, 'notes'),
    await enter(other, 'notes'),
    await enter(other, 'maps'),
  ]
  expect(await register(alice, 'alice')).toBe('accepted')
  expect(await register(bob, 'bob')).toBe('accepted')
  await lists(() => names(alice), ['alice', 'bob'])
  expect(await register(stranger, 'alice')).toBe('accepted')
  expect(await names(stranger)).toEqual(['alice'])
  stranger.send({ id: 'call', from: 'alice', to: 'bob', sdpOffer: 'x' })
  expect(await next(stranger, { id: 'callResponse' })).toMatchObject({ response: 'rejected' })
})

test('one that does not read on another instance: the sender is told, and nobody is ended', async () => {
  const { alice, bob, bobId } = await relayed()
  bob.ws.pause()
  const sdp = 'x'.repeat(60_000)
  for (;;) {
    alice.send({ type: 'offer', to: bobId, sdp })
    await alice.settled()
    const [refused] = alice.messages.take()
    if (!refused) continue
    expect(JSON.parse(refused.text)).toMatchObject({ type: 'error', code: 'rate_limited' })
    break
  }
  bob.ws.resume()
  await next(bob, { type: 'offer' })
  await bob.settled()
}, 30_000)

test('the second of two endpoints of one protocol is a place of its own', async () => {
  const bus = new FaultyBus(new LocalBus())
  const start = () => Served.start([call(), call({ path: '/second' })], { bus })
  const [one, other] = [await start(), await start()]
  const alice = await one.client('/call')
  const bob = await other.client('/second')
  const carol = await other.client('/call')
  expect(await register(alice, 'alice')).toBe('accepted')
  await lists(() => names(carol), ['alice'])
  expect(await register(bob, 'alice')).toBe('accepted')
  expect(await names(bob)).toEqual(['alice'])
})
