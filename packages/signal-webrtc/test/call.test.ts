import { expect, test } from 'vitest'
import { call } from 'signal-webrtc'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import type { Client, Fields } from '../../signal-server/test/harness/client.js'
import { Served } from './harness/serve.js'

const offer = { type: 'offer', sdp: 'the caller’s' }
const answer = { type: 'answer', sdp: 'the callee’s' }

/** The next message with that `id`, those with others aside. */
async function next(client: Client, id: string): Promise<Fields> {
  for (;;) {
    const message = await client.json(`a message with the id ${id}`)
    if (message.id === id) return message
  }
}

async function registered(served: Served, name: string): Promise<Client> {
  const client = await served.client('/call')
  client.send({ id: 'register', name })
  expect(await client.json()).toEqual({ id: 'registerResponse', response: 'accepted' })
  return client
}

async function three() {
  const served = await Served.start(call())
  const alice = await registered(served, 'alice')
  const bob = await registered(served, 'bob')
  const carol = await registered(served, 'carol')
  return { served, alice, bob, carol }
}

/** Alice has called Bob, and he has accepted. */
async function talking() {
  const stage = await three()
  const { alice, bob } = stage
  alice.send({ id: 'call', from: 'alice', to: 'bob', sdpOffer: offer })
  await next(bob, 'incomingCall')
  bob.send({ id: 'incomingCallResponse', from: 'alice', callResponse: 'accept', sdpOffer: answer })
  await next(alice, 'callResponse')
  await next(bob, 'startCommunication')
  return stage
}

test('register is answered with registerResponse: accepted, or rejected where the name is in use', async () => {
  const { served, alice } = await three()
  const thief = await served.client('/call')
  thief.send({ id: 'register', name: 'alice' })
  expect(await thief.json()).toEqual({ id: 'registerResponse', response: 'rejected' })
  await alice.close()
  thief.send({ id: 'register', name: 'alice' })
  expect(await thief.json()).toEqual({ id: 'registerResponse', response: 'accepted' })
})

test('register with a second name gives the first one up', async () => {
  const { served, alice } = await three()
  alice.send({ id: 'register', name: 'alice 2' })
  expect(await alice.json()).toEqual({ id: 'registerResponse', response: 'accepted' })
  await registered(served, 'alice')
})

test('register with a name that is none is an error to its sender', async () => {
  const served = await Served.start(call())
  const client = await served.client('/call')
  for (const name of [undefined, '', 7, {}, 'x'.repeat(257), '\u0001'.repeat(43)]) {
    client.send({ id: 'register', name })
    expect(await client.json()).toMatchObject({ id: 'error', code: 'bad_message' })
  }
  for (const name of ['constructor', '__proto__']) {
    client.send({ id: 'register', name })
    expect(await client.json()).toEqual({ id: 'registerResponse', response: 'accepted' })
  }
})

test('list is answered with listResponse: the names of all', async () => {
  const { alice, carol } = await three()
  alice.send({ id: 'list' })
  expect(await alice.json()).toEqual({ id: 'listResponse', list: ['alice', 'bob', 'carol'] })
  await carol.kill()
  await expect
    .poll(async () => {
      alice.send({ id: 'list' })
      return (await next(alice, 'listResponse')).list
    })
    .toEqual(['alice', 'bob'])
})

test('call reaches the callee as incomingCall', async () => {
  const { alice, bob, carol } = await three()
  alice.send({ id: 'call', from: 'alice', to: 'bob', sdpOffer: offer })
  expect(await bob.json()).toEqual({ id: 'incomingCall', from: 'alice', offer })
  await carol.settled()
  expect(carol.messages.length).toBe(0)
})

test('call to an unknown name is answered with callResponse: rejected and a message', async () => {
  const { alice } = await three()
  alice.send({ id: 'call', from: 'alice', to: 'nobody', sdpOffer: offer })
  expect(await alice.json()).toEqual({
    id: 'callResponse',
    response: 'rejected',
    message: expect.stringContaining('nobody'),
  })
})

test('call by a client without a name, or in the name of another, is an error to its sender', async () => {
  const { served, alice, bob } = await three()
  const nobody = await served.client('/call')
  for (const from of ['dave', 'alice', undefined]) {
    nobody.send({ id: 'call', from, to: 'bob', sdpOffer: offer })
    expect(await nobody.json()).toMatchObject({ id: 'callResponse', response: 'rejected' })
  }
  alice.send({ id: 'call', from: 'carol', to: 'bob', sdpOffer: offer })
  expect(await alice.json()).toMatchObject({ id: 'callResponse', response: 'rejected' })
  await bob.settled()
  expect(bob.messages.length).toBe(0)
})

test('call to somebody who is in a call is rejected, and theirs goes on', async () => {
  const { alice, bob, carol } = await talking()
  carol.send({ id: 'call', from: 'carol', to: 'bob', sdpOffer: offer })
  expect(await carol.json()).toMatchObject({ id: 'callResponse', response: 'rejected' })
  bob.send({ id: 'onIceCandidate', candidate: { candidate: 'c' } })
  expect(await alice.json()).toEqual({ id: 'iceCandidate', candidate: { candidate: 'c' } })
  await carol.settled()
  expect(carol.messages.length).toBe(0)
})

test('call to oneself is rejected', async () => {
  const { alice } = await three()
  alice.send({ id: 'call', from: 'alice', to: 'alice', sdpOffer: offer })
  expect(await alice.json()).toMatchObject({ id: 'callResponse', response: 'rejected' })
})

test('call by somebody who is in a call ends that one', async () => {
  const { alice, bob, carol } = await talking()
  alice.send({ id: 'call', from: 'alice', to: 'carol', sdpOffer: offer })
  expect(await bob.json()).toMatchObject({ id: 'stopCommunication' })
  expect(await carol.json()).toEqual({ id: 'incomingCall', from: 'alice', offer })
})

test('call to the same callee once more brings a new offer', async () => {
  const { alice, bob } = await talking()
  const second = { type: 'offer', sdp: 'another one' }
  alice.send({ id: 'call', from: 'alice', to: 'bob', sdpOffer: second })
  expect(await bob.json()).toEqual({ id: 'incomingCall', from: 'alice', offer: second })
  bob.send({ id: 'incomingCallResponse', from: 'alice', callResponse: 'accept', sdpOffer: answer })
  expect(await bob.json()).toEqual({ id: 'startCommunication', sdpAnswer: second })
  expect(await alice.json()).toMatchObject({ id: 'callResponse', response: 'accepted' })
})

test('incomingCallResponse accept gives callResponse to the caller and startCommunication to the callee', async () => {
  const { alice, bob } = await three()
  alice.send({ id: 'call', from: 'alice', to: 'bob', sdpOffer: offer })
  await next(bob, 'incomingCall')
  bob.send({ id: 'incomingCallResponse', from: 'alice', callResponse: 'accept', sdpOffer: answer })
  expect(await alice.json()).toEqual({
    id: 'callResponse',
    response: 'accepted',
    sdpAnswer: answer,
  })
  expect(await bob.json()).toEqual({ id: 'startCommunication', sdpAnswer: offer })
})

test('incomingCallResponse that refuses reaches the caller, and not the callee', async () => {
  const { alice, bob, carol } = await three()
  alice.send({ id: 'call', from: 'alice', to: 'bob', sdpOffer: offer })
  await next(bob, 'incomingCall')
  bob.send({
    id: 'incomingCallResponse',
    from: 'alice',
    callResponse: 'reject',
    message: 'Not now',
  })
  expect(await alice.json()).toEqual({
    id: 'callResponse',
    response: 'rejected',
    message: 'Not now',
  })
  await bob.settled()
  expect(bob.messages.length).toBe(0)
  carol.send({ id: 'call', from: 'carol', to: 'bob', sdpOffer: offer })
  expect(await bob.json()).toMatchObject({ id: 'incomingCall', from: 'carol' })
})

test('incomingCallResponse to a call that is not there is answered to its sender alone', async () => {
  const { alice, bob, carol } = await talking()
  for (const from of ['alice', 'nobody']) {
    carol.send({ id: 'incomingCallResponse', from, callResponse: 'accept', sdpOffer: answer })
    expect(await carol.json()).toMatchObject({ id: 'callResponse', response: 'rejected' })
  }
  // nor can the caller accept its own call
  alice.send({
    id: 'incomingCallResponse',
    from: 'alice',
    callResponse: 'accept',
    sdpOffer: answer,
  })
  expect(await alice.json()).toMatchObject({ id: 'callResponse', response: 'rejected' })
  await bob.settled()
  expect(bob.messages.length).toBe(0)
})

test('onIceCandidate reaches the other party as iceCandidate, both ways, from the first ring on', async () => {
  const { alice, bob } = await three()
  alice.send({ id: 'call', from: 'alice', to: 'bob', sdpOffer: offer })
  alice.send({ id: 'onIceCandidate', candidate: { candidate: 'a', sdpMLineIndex: 0 } })
  await next(bob, 'incomingCall')
  expect(await bob.json()).toEqual({
    id: 'iceCandidate',
    candidate: { candidate: 'a', sdpMLineIndex: 0 },
  })
  bob.send({ id: 'onIceCandidate', candidate: { candidate: 'b' } })
  expect(await alice.json()).toEqual({ id: 'iceCandidate', candidate: { candidate: 'b' } })
})

test('onIceCandidate and answer without a call are an error to their sender', async () => {
  const { alice } = await three()
  for (const id of ['onIceCandidate', 'answer']) {
    alice.send({ id, candidate: {}, sdp: answer })
    expect(await alice.json()).toMatchObject({ id: 'error', code: 'unknown_peer' })
  }
})

test('answer reaches the other party as startCommunication, under either name of its field', async () => {
  const { alice, bob } = await talking()
  bob.send({ id: 'answer', sdp: answer })
  expect(await alice.json()).toEqual({ id: 'startCommunication', sdpAnswer: answer })
  alice.send({ id: 'answer', sdpAnswer: offer })
  expect(await bob.json()).toEqual({ id: 'startCommunication', sdpAnswer: offer })
})

test('stop reaches the other party as stopCommunication, and its echo reaches nobody', async () => {
  const { served, alice, bob, carol } = await talking()
  alice.send({ id: 'stop' })
  expect(await bob.json()).toMatchObject({ id: 'stopCommunication' })
  bob.send({ id: 'stop' })
  bob.send({ id: 'ping' })
  expect(await bob.json()).toEqual({ id: 'pong' })
  await alice.settled()
  expect(alice.messages.length).toBe(0)
  await Promise.all([alice.close(), bob.close(), carol.close()])
  await served.empty()
})

test('stopCommunication has what keeps a published page waiting for calls', async () => {
  const { alice, bob } = await talking()
  alice.send({ id: 'stop' })
  expect(await bob.json()).toMatchObject({ response: 'rejected', message: expect.any(String) })
})

test('stopCommunication comes also where a party’s socket closes, talking or ringing', async () => {
  const { alice, bob, carol } = await talking()
  await alice.kill()
  expect(await bob.json()).toMatchObject({ id: 'stopCommunication' })
  carol.send({ id: 'call', from: 'carol', to: 'bob', sdpOffer: offer })
  await next(bob, 'incomingCall')
  await bob.kill()
  expect(await carol.json()).toMatchObject({ id: 'stopCommunication' })
})

test('stop while it rings tells the callee, or the caller', async () => {
  const { alice, bob } = await three()
  for (const [one, other] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    alice.send({ id: 'call', from: 'alice', to: 'bob', sdpOffer: offer })
    await next(bob, 'incomingCall')
    one.send({ id: 'stop' })
    expect(await other.json()).toMatchObject({ id: 'stopCommunication' })
  }
})

test('ping is answered with pong', async () => {
  const served = await Served.start(call())
  const client = await served.client('/call')
  client.send({ id: 'ping' })
  expect(await client.json()).toEqual({ id: 'pong' })
})

test('row 50: /call: the offer of a call counts until the call is over', async () => {
  const { served, alice, bob } = await three()
  const large = Array.from({ length: 15_000 }, () => ({}))
  const held = () => served.server.stats().bufferedBytes
  for (let n = 0; n < 3; n++) {
    alice.send({ id: 'call', from: 'alice', to: 'bob', sdpOffer: large })
    expect(await next(bob, 'incomingCall')).toMatchObject({ offer: large })
  }
  await eventually(() => held() > 45_000 && held() < 60_000, 'the last offer')
  bob.send({ id: 'incomingCallResponse', from: 'alice', callResponse: 'accept' })
  expect(await next(bob, 'startCommunication')).toEqual({
    id: 'startCommunication',
    sdpAnswer: large,
  })
  alice.send({ id: 'stop' })
  await next(bob, 'stopCommunication')
  await eventually(() => held() === 0, 'nothing that is kept')
})

test('row 50: /call: while memory is short a large offer is refused, and an ordinary one is not', async () => {
  const kibibyte = 1_024
  const served = await Served.start(call(), {
    maxBufferedBytes: 512 * kibibyte,
    maxQueuedBytes: 256 * kibibyte,
  })
  const large = 'x'.repeat(60_000)
  const ringing = async (n: number, sdpOffer: unknown) => {
    const [caller, callee] = [`caller ${n}`, `callee ${n}`] as const
    const one = await registered(served, caller)
    const other = await registered(served, callee)
    one.send({ id: 'call', from: caller, to: callee, sdpOffer })
    return Promise.race([next(one, 'callResponse'), next(other, 'incomingCall')])
  }
  const answers: unknown[] = []
  for (let n = 0; n < 12; n++) answers.push((await ringing(n, large)).id)
  expect(answers.slice(0, 8)).toEqual(Array(8).fill('incomingCall'))
  expect(answers.slice(10)).toEqual(Array(2).fill('callResponse'))
  expect(await ringing(12, offer)).toMatchObject({ id: 'incomingCall', offer })
  expect(served.server.stats().bufferedBytes).toBeLessThan(640 * kibibyte)
})
