import { Bystander, type BystanderPair } from './bystander-pair.js'

// How two bystanders of each protocol meet. They do so one pair after the other, before others come.

async function two(path: string, url: string): Promise<[Bystander, Bystander]> {
  return [
    await Bystander.connect(`one at ${path}`, url + path),
    await Bystander.connect(`the other at ${path}`, url + path),
  ]
}

async function connection(url: string): Promise<BystanderPair> {
  const base = `${url}/connection`
  const both = [
    await Bystander.connect('one of a pipe', `${base}/bystander-a/bystander-b/k`),
    await Bystander.connect('the other of a pipe', `${base}/bystander-b/bystander-a/k`),
  ] as const
  return { both, message: (_from, text) => text, private: true }
}

async function relayWs(url: string): Promise<BystanderPair> {
  const both = await two('/relay-ws', url)
  const ids = await Promise.all(
    both.map(async (one) => {
      const { peers } = JSON.parse(await one.ask('{"type":"ls"}', /"ls"/)) as { peers: string[] }
      return peers[0]
    }),
  )
  const message = (from: 0 | 1, sdp: string) =>
    JSON.stringify({ type: 'offer', to: ids[from], sdp })
  return { both, message }
}

async function rtc(url: string): Promise<BystanderPair> {
  const both = await two('/rtc', url)
  const ids = ['bystander-a', 'bystander-b']
  const say = (i: number) => JSON.stringify({ type: 'identify', data: { id: ids[i], name: 'B' } })
  both[0].send(say(0))
  const met = both[0].hears(/bystander-b/)
  await both[1].ask(say(1), /bystander-a/)
  await met
  const message = (from: 0 | 1, text: string) =>
    JSON.stringify({ type: 'offer', data: { target: ids[1 - from], text } })
  return { both, message }
}

async function call(url: string): Promise<BystanderPair> {
  const both = await two('/call', url)
  for (const [i, name] of ['bystander-a', 'bystander-b'].entries()) {
    await both[i]!.ask(JSON.stringify({ id: 'register', name }), /accepted/)
  }
  const rung = both[1].hears(/incomingCall/)
  both[0].send('{"id":"call","from":"bystander-a","to":"bystander-b","sdpOffer":"o"}')
  await rung
  const answer = { id: 'incomingCallResponse', from: 'bystander-a', callResponse: 'accept' }
  await both[1].ask(JSON.stringify({ ...answer, sdpOffer: 'a' }), /startCommunication/)
  const message = (_from: 0 | 1, candidate: string) =>
    JSON.stringify({ id: 'onIceCandidate', candidate })
  return { both, message }
}

async function rooms(url: string, token: string): Promise<BystanderPair> {
  const both = await two('/socket.io/?EIO=4&transport=websocket', url)
  const packet = (name: string, fields: object) => `42${JSON.stringify([name, fields])}`
  const ids: string[] = []
  const auths: string[] = []
  for (const one of both) {
    const connected = await one.ask(`40${JSON.stringify({ token })}`, /^40/)
    ids.push((JSON.parse(connected.slice(2)) as { sid: string }).sid)
    const accepted = await one.ask(packet('auth-request', { token }), /auth-accept/)
    auths.push((JSON.parse(accepted.slice(2)) as [string, { token: string }])[1].token)
  }
  const room = 'bystanders'
  const [owner, member] = both
  await owner.ask(packet('room-create-request', { auth: auths[0], room }), /room-create-accept/)
  const asked = owner.hears(/room-join-request/)
  member.send(packet('room-join-request', { auth: auths[1], room }))
  await asked
  const accept = { auth: auths[0], room, peer_id: ids[1] }
  await owner.ask(packet('room-join-accept', accept), /room-user-join/)
  const message = (from: 0 | 1, ice_candidate: string) =>
    packet('relay-ice-candidate', { auth: auths[from], room, to: ids[1 - from], ice_candidate })
  return { both, message }
}

/** Each waits where the server's first words would be missed otherwise. */
export const protocols = [connection, relayWs, rtc, call, rooms]
