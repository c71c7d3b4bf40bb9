import { call, relayWs, rtc } from 'signal-webrtc'
import { expect, test } from 'vitest'
import type { Client, Fields } from '../../signal-server/test/harness/client.js'
import { converse, type Description, type Said, type Side } from './harness/data-channel.js'
import { RoomStage, type RoomClient } from './harness/room-client.js'
import { Served } from './harness/serve.js'

/** One side of a protocol in JSON, over its WebSocket. */
function jsonSide(
  client: Client,
  write: (said: Said) => object,
  read: (message: Fields) => Said | undefined,
): Side {
  return {
    say: (said) => client.send(write(said)),
    heard: (listener) => {
      client.ws.on('message', (data: Buffer) => {
        const said = read(JSON.parse(data.toString()) as Fields)
        if (said) listener(said)
      })
    },
  }
}

const candidateOf = (candidate: unknown) => ({ candidate }) as Said
const descriptionOf = (description: unknown) => ({ description: description as Description })

async function expectConversation(caller: Side, callee: Side, way: string): Promise<void> {
  const { heard, candidates } = await converse(caller, callee, `hello through ${way}`)
  expect(heard).toEqual({
    callee: `hello through ${way}`,
    caller: `hello through ${way}, and back`,
  })
  expect(candidates.caller).toBeGreaterThan(0)
  expect(candidates.callee).toBeGreaterThan(0)
}

test('two WebRTC peers exchange a data channel message by way of /relay-ws', async () => {
  const served = await Served.start(relayWs())
  const one = await served.client('/relay-ws')
  const other = await served.client('/relay-ws')
  const ids: string[] = []
  for (const client of [other, one]) {
    client.send({ type: 'ls' })
    ids.push(((await client.next('ls')).peers as string[])[0]!)
  }
  const side = (client: Client, to: string) =>
    jsonSide(
      client,
      (said) =>
        'description' in said
          ? { type: said.description.type, to, sdp: said.description.sdp }
          : { type: 'ice', to, sdp: JSON.stringify(said.candidate) },
      ({ type, sdp }) => {
        if (type === 'ice') return candidateOf(JSON.parse(sdp as string))
        return type === 'offer' || type === 'answer' ? descriptionOf({ type, sdp }) : undefined
      },
    )
  await expectConversation(side(one, ids[1]!), side(other, ids[0]!), '/relay-ws')
})

test('two WebRTC peers exchange a data channel message by way of /rtc', async () => {
  const served = await Served.start(rtc())
  const side = async (source: string, target: string) => {
    const client = await served.client('/rtc')
    client.send({ type: 'identify', data: { id: source, name: source } })
    await client.settled()
    return jsonSide(
      client,
      (said) =>
        'description' in said
          ? {
              type: said.description.type === 'offer' ? 'offer' : 'accept',
              data: { ...said.description, source, target },
            }
          : { type: 'icecandidate', data: { id: source, target, candidate: said.candidate } },
      ({ type, data }) => {
        const { candidate, ...description } = (data ?? {}) as Fields
        if (type === 'icecandidate') return candidateOf(candidate)
        return type === 'offer' || type === 'accept' ? descriptionOf(description) : undefined
      },
    )
  }
  await expectConversation(await side('alice', 'bob'), await side('bob', 'alice'), '/rtc')
})

test('two WebRTC peers exchange a data channel message by way of /call', async () => {
  const served = await Served.start(call())
  const client = async (name: string) => {
    const socket = await served.client('/call')
    socket.send({ id: 'register', name })
    await socket.json()
    return socket
  }
  const candidate = ({ id, candidate }: Fields) =>
    id === 'iceCandidate' ? candidateOf(candidate) : undefined
  const caller = jsonSide(
    await client('alice'),
    (said) =>
      'description' in said
        ? { id: 'call', from: 'alice', to: 'bob', sdpOffer: said.description }
        : { id: 'onIceCandidate', candidate: said.candidate },
    (message) =>
      message.id === 'callResponse' ? descriptionOf(message.sdpAnswer) : candidate(message),
  )
  const callee = jsonSide(
    await client('bob'),
    (said) =>
      'description' in said
        ? {
            id: 'incomingCallResponse',
            from: 'alice',
            callResponse: 'accept',
            sdpOffer: said.description,
          }
        : { id: 'onIceCandidate', candidate: said.candidate },
    (message) =>
      message.id === 'incomingCall' ? descriptionOf(message.offer) : candidate(message),
  )
  await expectConversation(caller, callee, '/call')
})

test('two WebRTC peers exchange a data channel message by way of a room of socket.io', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r')
  const member = await stage.member(owner, 'r')
  const side = (client: RoomClient, to: string): Side => ({
    say: (said) => {
      const fields = { room: 'r', to, peer_id: to }
      if ('description' in said) {
        const session_description = said.description
        client.emit('relay-session-description', { ...fields, session_description })
      } else {
        client.emit('relay-ice-candidate', { ...fields, ice_candidate: said.candidate })
      }
    },
    heard: (listener) => {
      client.socket.on('session-description', ({ session_description }) => {
        listener(descriptionOf(session_description))
      })
      client.socket.on('ice-candidate', ({ ice_candidate }) => {
        listener(candidateOf(ice_candidate))
      })
    },
  })
  await expectConversation(side(member, owner.id), side(owner, member.id), 'a room')
})

test('two WebRTC peers exchange a data channel message by way of signal.v1', async () => {
  const served = await Served.start([])
  const client = async (id: string) => {
    const socket = await served.client(`/introduction/${id}`, ['signal.v1'])
    socket.send({ type: 'Join', join: ['a key'] })
    return socket
  }
  const [one, other] = [await client('alice'), await client('bob')]
  await Promise.all([one.next('Introduction'), other.next('Introduction')])
  const side = (socket: Client, to: string) =>
    jsonSide(
      socket,
      (signal) => ({ type: 'Signal', to, signal }),
      ({ type, signal }) => (type === 'Signal' ? (signal as Said) : undefined),
    )
  await expectConversation(side(one, 'bob'), side(other, 'alice'), 'signal.v1')
})
