import * as fc from 'fast-check'
import { call, relayWs, rtc } from 'signal-webrtc'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import type { Client, Fields } from '../../signal-server/test/harness/client.js'
import { RoomStage, type RoomClient } from './harness/room-client.js'
import { Served } from './harness/serve.js'

const runs = 40

/** Stands for the id of an attacker, which is not known yet. */
const ownId = 'the own id'

/** Values that fields may have, among them the ids of those who must not be harmed. */
const value = (known: readonly string[]) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...known) },
    { weight: 1, arbitrary: fc.string() },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
    { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', '*', '', '\0', '💥') },
  )

/** Messages of a protocol with fields changed and left out. */
function changed(valid: readonly Fields[], known: readonly string[]): fc.Arbitrary<Fields> {
  const change = fc.record({ at: fc.nat(9), to: fc.option(value(known), { nil: undefined }) })
  return fc
    .tuple(fc.constantFrom(...valid), fc.array(change, { maxLength: 3 }))
    .map(([message, changes]) =>
      changes.reduce((before, { at, to }) => {
        const inner = before.data as Fields | undefined
        const names = Object.keys(before)
        const innerNames = Object.keys(inner ?? {})
        // mostly where it matters: the fields inside of "data", where there is one
        if (innerNames.length > 0 && at > 1) {
          const name = innerNames[at % innerNames.length]!
          return { ...before, data: { ...inner, [name]: to } }
        }
        return { ...before, [names[at % names.length]!]: to }
      }, message),
    )
}

/** Such messages, and some that are none at all. */
function messages(valid: readonly Fields[], known: readonly string[]) {
  const message = changed(valid, known).map((fields) => JSON.stringify(fields))
  return fc.oneof(
    { weight: 20, arbitrary: message },
    { weight: 1, arbitrary: message.map((text) => text.slice(0, -1)) },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.string() },
    { weight: 1, arbitrary: fc.uint8Array().map((bytes) => Buffer.from(bytes)) },
  )
}

/** What several attackers send, each its own; some begin as everybody does. */
const attack = (message: fc.Arbitrary<string | Buffer>, beginning: Fields) =>
  fc.array(
    fc
      .tuple(fc.boolean(), fc.array(message, { maxLength: 30 }))
      .map(([begins, said]) => (begins ? [JSON.stringify(beginning), ...said] : said)),
    { minLength: 1, maxLength: 3 },
  )

/** Sends it, and resolves when the server has looked at all of it and the attackers are gone. */
async function carryOut(served: Served, path: string, said: (string | Buffer)[][]): Promise<void> {
  await Promise.all(
    said.map(async (each) => {
      const client = await served.client(path)
      for (const message of each) client.send(message)
      client.ws.close()
      await client.closed
    }),
  )
}

/** Resolves when only the bystanders are left. */
async function alone(served: Served, endpoint: string, name: string, count: number): Promise<void> {
  await eventually(() => served.stats(endpoint)[name] === count, 'the attackers to be gone')
  const response = await fetch(`${served.http}/healthz`)
  expect(response.status).toBe(200)
}

test('/relay-ws: whatever is sent, nobody else is harmed', async () => {
  const served = await Served.start(relayWs())
  const [alice, bob] = [await served.client('/relay-ws'), await served.client('/relay-ws')]
  const other = async (client: Client) => {
    client.send({ type: 'ls' })
    return ((await client.next('ls')).peers as string[])[0]!
  }
  const [bobId, aliceId] = [await other(alice), await other(bob)]
  const valid = [
    { type: 'ls' },
    { type: 'leave' },
    ...['offer', 'answer', 'ice'].map((type) => ({ type, to: bobId, from: aliceId, sdp: 'x' })),
  ]
  const message = messages(valid, [aliceId, bobId])
  let count = 0
  await fc.assert(
    fc.asyncProperty(attack(message, { type: 'ls' }), async (said) => {
      await carryOut(served, '/relay-ws', said)
      await alone(served, 'relay-ws', 'clients', 2)
      const sdp = `candidate ${count++}`
      alice.send({ type: 'ice', to: bobId, sdp })
      await eventually(() => bob.seen.some(({ text }) => text.includes(sdp)), 'the candidate')
      const fromAlice = bob.seen
        .map(({ text }) => JSON.parse(text) as Fields)
        .filter(({ type, from }) => type !== 'ls' && from === aliceId)
      expect(fromAlice).toEqual(
        Array.from({ length: count }, (_, i) => ({
          type: 'ice',
          from: aliceId,
          to: bobId,
          sdp: `candidate ${i}`,
        })),
      )
    }),
    { numRuns: runs },
  )
})

test('/rtc: whatever is sent, nobody else is harmed', async () => {
  const served = await Served.start(rtc())
  const join = async (id: string) => {
    const client = await served.client('/rtc')
    client.send({ type: 'identify', data: { id, name: id } })
    await client.settled()
    return client
  }
  const [alice, bob] = [await join('alice'), await join('bob')]
  const identify = { type: 'identify', data: { id: 'mallory', name: 'mallory' } }
  const valid = [
    identify,
    ...['offer', 'accept', 'reject', 'icecandidate', 'ready', 'peer', 'error'].map((type) => ({
      type,
      data: { source: 'mallory', id: 'mallory', target: 'bob', remove: true },
    })),
  ]
  const message = messages(valid, ['alice', 'bob', 'mallory'])
  let count = 0
  await fc.assert(
    fc.asyncProperty(attack(message, identify), async (said) => {
      await carryOut(served, '/rtc', said)
      await alone(served, 'rtc', 'clients', 2)
      const data = { id: 'alice', target: 'bob', candidate: count++ }
      alice.send({ type: 'icecandidate', data })
      const marked = JSON.stringify({ type: 'icecandidate', data })
      await eventually(() => bob.seen.some(({ text }) => text === marked), 'the candidate')
      const all = bob.seen.map(({ text }) => JSON.parse(text) as { type: string; data: Fields })
      const fromAlice = all.filter(
        ({ type, data }) =>
          type !== 'peer' && type !== 'ready' && (data.id === 'alice' || data.source === 'alice'),
      )
      expect(fromAlice).toHaveLength(count)
      // nobody has taken the name of another, or sent it away, or spoken for the server
      const aboutAlice = all.filter(({ type, data }) => type === 'peer' && data.id === 'alice')
      expect(aboutAlice).toEqual([{ type: 'peer', data: { id: 'alice', name: 'alice' } }])
      expect(all.filter(({ type }) => type === 'ready')).toHaveLength(1)
    }),
    { numRuns: runs },
  )
})

test('/call: whatever is sent, a call of others goes on undisturbed', async () => {
  const served = await Served.start(call())
  const join = async (name: string) => {
    const client = await served.client('/call')
    client.send({ id: 'register', name })
    await client.json()
    return client
  }
  const [alice, bob] = [await join('alice'), await join('bob')]
  alice.send({ id: 'call', from: 'alice', to: 'bob', sdpOffer: 'o' })
  await bob.json()
  bob.send({ id: 'incomingCallResponse', from: 'alice', callResponse: 'accept', sdpOffer: 'a' })
  await alice.json()
  await bob.json()
  const register = { id: 'register', name: 'mallory' }
  const valid = [
    register,
    { id: 'list' },
    { id: 'call', from: 'mallory', to: 'bob', sdpOffer: 'x' },
    { id: 'incomingCallResponse', from: 'alice', callResponse: 'accept', sdpOffer: 'x' },
    { id: 'onIceCandidate', candidate: 'x' },
    { id: 'answer', sdp: 'x' },
    { id: 'stop' },
    { id: 'ping' },
  ]
  const message = messages(valid, ['alice', 'bob', 'mallory', 'accept'])
  await fc.assert(
    fc.asyncProperty(attack(message, register), fc.string(), async (said, candidate) => {
      await carryOut(served, '/call', said)
      await alone(served, 'call', 'clients', 2)
      alice.send({ id: 'onIceCandidate', candidate })
      expect(await bob.json()).toEqual({ id: 'iceCandidate', candidate })
      bob.send({ id: 'answer', sdp: candidate })
      expect(await alice.json()).toEqual({ id: 'startCommunication', sdpAnswer: candidate })
    }),
    { numRuns: runs },
  )
})

async function twoInARoom() {
  const stage = await RoomStage.start()
  const alice = await stage.owner('the room')
  const bob = await stage.member(alice, 'the room')
  await alice.next('room-user-join')
  await alone(stage.served, 'rooms', 'connections', 2)
  return { stage, alice, bob }
}

/** The two still reach each other, and have heard of nothing but each other. */
async function undisturbed(alice: RoomClient, bob: RoomClient, mark: number): Promise<void> {
  for (const [one, other] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    one.emit('relay-ice-candidate', { room: 'the room', to: other.id, ice_candidate: mark })
    expect(await other.next('ice-candidate')).toMatchObject({
      peer_id: one.id,
      ice_candidate: mark,
    })
    for (const event of ['room-user-join', 'room-user-leave', 'session-description']) {
      expect(other.seenOf(event).filter(({ peer_id }) => peer_id !== bob.id)).toEqual([])
    }
    expect(other.seenOf('ice-candidate').every(({ peer_id }) => peer_id === one.id)).toBe(true)
  }
}

test('/socket.io: whatever a client of the app emits, a room of others goes on undisturbed', async () => {
  const { stage, alice, bob } = await twoInARoom()
  const known = [alice.id, bob.id, ownId, 'the room', 'another room', stage.appToken]
  const fields = { room: 'the room', peer_id: ownId, payload: 'x' }
  const names = [
    'room-create-request',
    'room-join-request',
    'room-join-accept',
    'room-join-reject',
    'relay-ice-candidate',
    'relay-session-description',
    'error',
    'room-user-leave',
  ]
  const event = fc.record({
    name: fc.constantFrom('auth-request', ...names),
    authorized: fc.boolean(),
    data: fc.oneof(
      { weight: 1, arbitrary: value(known) },
      { weight: 9, arbitrary: changed([fields, { ...fields, token: 'x', peerinfo: 'x' }], known) },
    ),
  })
  let mark = 0
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 30 }), async (events) => {
      const mallory = await stage.client()
      const theirs = JSON.parse(
        JSON.stringify(events).replaceAll(ownId, mallory.id),
      ) as typeof events
      for (const { name, authorized, data } of theirs) {
        const isRecord = typeof data === 'object' && data !== null && !Array.isArray(data)
        const sent = isRecord && authorized ? { auth: mallory.token, ...data } : data
        mallory.socket.emit(name, sent)
      }
      mallory.socket.emit('auth-request', { token: 'none', payload: 'end' })
      // told the end, or sent away for what it has sent
      await Promise.race([mallory.next('auth-reject'), mallory.ended])
      mallory.socket.disconnect()
      await alone(stage.served, 'rooms', 'connections', 2)
      await undisturbed(alice, bob, mark++)
    }),
    { numRuns: runs },
  )
})

test('/socket.io: whatever frames come, a room of others goes on undisturbed', async () => {
  const { stage, alice, bob } = await twoInARoom()
  const auth = JSON.stringify({ token: stage.appToken })
  const frame = fc.oneof(
    fc.constantFrom('40', `40${auth}`, '41', '3', '2', '1', '6', '5', '2probe', '42', '42[]', '4'),
    fc.constantFrom('42["error"]', '42[1]', '42["auth-request",null]', '43[]', '451-["x"]', '44{}'),
    fc.constantFrom('452-["a",{"_placeholder":true,"num":0}]', '40/admin,', '4a', '42["connect"]'),
    fc.json().map((json) => `42${json}`),
    fc.string(),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  )
  let mark = 0
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(frame, { maxLength: 30 }), async (joins, frames) => {
      const ws = new WebSocket(`${stage.served.ws}/socket.io/?EIO=4&transport=websocket`)
      const closed = new Promise((resolve) => ws.once('close', resolve))
      await new Promise((resolve, reject) => ws.once('open', resolve).once('error', reject))
      onTestFinished(() => ws.terminate())
      if (joins) ws.send(`40${auth}`)
      for (const each of frames) ws.send(each)
      ws.close()
      await closed
      await alone(stage.served, 'rooms', 'connections', 2)
      await undisturbed(alice, bob, mark++)
    }),
    { numRuns: runs },
  )
})

test('/socket.io: whatever is asked by long polling, a room of others goes on undisturbed', async () => {
  const { stage, alice, bob } = await twoInARoom()
  const query = fc.record({
    EIO: fc.constantFrom('4', '3', '', 'x'),
    transport: fc.constantFrom('polling', 'websocket', 'webtransport', 'constructor', ''),
    sid: fc.option(fc.oneof(fc.string(), fc.constantFrom('__proto__', alice.id, bob.id))),
  })
  const request = fc.record({
    method: fc.constantFrom('GET', 'POST', 'OPTIONS', 'DELETE'),
    query,
    body: fc.string(),
  })
  let mark = 0
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 10 }), async (requests) => {
      for (const { method, query, body } of requests) {
        const parameters = new URLSearchParams(
          Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== null),
        )
        const response = await fetch(`${stage.served.http}/socket.io/?${parameters}`, {
          method,
          ...(method === 'POST' && { body }),
        })
        await response.text()
        expect(response.status).toBeLessThan(500)
      }
      await undisturbed(alice, bob, mark++)
    }),
    { numRuns: runs },
  )
})
