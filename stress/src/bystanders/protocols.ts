import { randomUUID } from 'node:crypto'
import type { Ends, Target } from '../target.js'
import { Bystander, type BystanderPair } from './bystander-pair.js'

// How two bystanders of each protocol meet. They do so one pair after the other, before others come.

/** Ids by which other clients know the bystanders; their keys are secrets. */
export const ids = ['bystander-a', 'bystander-b'] as const

const base = ({ port }: Target) => `ws://127.0.0.1:${port}`

async function two(path: string, [one, other]: Ends): Promise<[Bystander, Bystander]> {
  return [
    await Bystander.connect(`one at ${path}`, base(one) + path, one),
    await Bystander.connect(`the other at ${path}`, base(other) + path, other),
  ]
}

/** Asks until the answer is the wanted one: another instance hears of a client a moment later. */
async function askUntil(one: Bystander, question: string, wanted: RegExp): Promise<string> {
  for (let times = 1; ; times++) {
    const answer = await one.ask(question, /"(ls|listResponse)"/)
    if (wanted.test(answer) || times === 100) return answer
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function introduction(ends: Ends): Promise<BystanderPair> {
  const [one, other] = await Promise.all(
    ends.map((target, i) =>
      Bystander.connect(`${ids[i]} at /introduction`, `${base(target)}/introduction/${ids[i]}`, {
        ...target,
        v1: true,
      }),
    ),
  )
  const both = [one!, other!] as const
  const join = JSON.stringify({ type: 'Join', join: [randomUUID()] })
  both[0].send(join)
  const met = both[0].hears(/"Introduction"/)
  await both[1].ask(join, /"Introduction"/)
  await met
  const message = (from: 0 | 1, signal: string) =>
    JSON.stringify({ type: 'Signal', to: ids[1 - from], signal })
  // nobody else knows their key, whatever the id of a client is
  const theirs = /"(Signal|Update|Introduction|Departure)"/
  return { name: '/introduction', both, theirs, message }
}

async function connection([one, other]: Ends): Promise<BystanderPair> {
  const connect = (name: string, target: Target, path: string) =>
    Bystander.connect(name, `${base(target)}/connection/${path}`, target)
  const both = [
    await connect('one of a pipe', one, 'bystander-a/bystander-b/k'),
    await connect('the other of a pipe', other, 'bystander-b/bystander-a/k'),
  ] as const
  return { name: '/connection', both, message: (_from, text) => text, theirs: /^/ }
}

async function relayWs(ends: Ends): Promise<BystanderPair> {
  const both = await two('/relay-ws', ends)
  const given = await Promise.all(
    both.map(async (one) => {
      const { peers } = JSON.parse(await askUntil(one, '{"type":"ls"}', /\["/)) as {
        peers: string[]
      }
      return peers[0]
    }),
  )
  const message = (from: 0 | 1, sdp: string) =>
    JSON.stringify({ type: 'offer', to: given[from], sdp })
  return { name: '/relay-ws', both, message }
}

async function rtc(ends: Ends): Promise<BystanderPair> {
  const both = await two('/rtc', ends)
  const say = (i: number) => JSON.stringify({ type: 'identify', data: { id: ids[i], name: 'B' } })
  both[0].send(say(0))
  const met = both[0].hears(/bystander-b/)
  await both[1].ask(say(1), /bystander-a/)
  await met
  const message = (from: 0 | 1, text: string) =>
    JSON.stringify({ type: 'offer', data: { target: ids[1 - from], text } })
  return { name: '/rtc', both, message }
}

async function call(ends: Ends): Promise<BystanderPair> {
  const both = await two('/call', ends)
  for (const [i, name] of ids.entries()) {
    await both[i]!.ask(JSON.stringify({ id: 'register', name }), /accepted/)
  }
  await Promise.all(both.map((one, i) => askUntil(one, '{"id":"list"}', new RegExp(ids[1 - i]!))))
  const rung = both[1].hears(/incomingCall/)
  both[0].send('{"id":"call","from":"bystander-a","to":"bystander-b","sdpOffer":"o"}')
  await rung
  const answer = { id: 'incomingCallResponse', from: 'bystander-a', callResponse: 'accept' }
  await both[1].ask(JSON.stringify({ ...answer, sdpOffer: 'a' }), /startCommunication/)
  const message = (_from: 0 | 1, candidate: string) =>
    JSON.stringify({ id: 'onIceCandidate', candidate })
  return { name: '/call', both, message }
}

async function rooms(ends: Ends): Promise<BystanderPair> {
  const both = await two('/socket.io/?EIO=4&transport=websocket', ends)
  const packet = (name: string, fields: object) => `42${JSON.stringify([name, fields])}`
  const { token } = ends[0]
  const given: string[] = []
  const auths: string[] = []
  for (const one of both) {
    const connected = await one.ask(`40${JSON.stringify({ token })}`, /^40/)
    given.push((JSON.parse(connected.slice(2)) as { sid: string }).sid)
    const accepted = await one.ask(packet('auth-request', { token }), /auth-accept/)
    auths.push((JSON.parse(accepted.slice(2)) as [string, { token: string }])[1].token)
  }
  const room = 'bystanders'
  const [owner, member] = both
  await owner.ask(packet('room-create-request', { auth: auths[0], room }), /room-create-accept/)
  const asked = owner.hears(/room-join-request/)
  member.send(packet('room-join-request', { auth: auths[1], room }))
  await asked
  const accept = { auth: auths[0], room, peer_id: given[1] }
  await owner.ask(packet('room-join-accept', accept), /room-user-join/)
  const message = (from: 0 | 1, ice_candidate: string) =>
    packet('relay-ice-candidate', { auth: auths[from], room, to: given[1 - from], ice_candidate })
  const theirs = /"(ice-candidate|session-description)"/
  return { name: 'rooms', both, theirs, message }
}

/** Each waits if the server's first words would be missed otherwise. */
export const protocols = [introduction, connection, relayWs, rtc, call, rooms]
