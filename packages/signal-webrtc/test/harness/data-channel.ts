import { onTestFinished } from 'vitest'
import { RTCPeerConnection, type RTCDataChannel, type RTCIceCandidateInit } from 'werift'
import { within } from '../../../signal-server/test/harness/arrivals.js'

export interface Description {
  type: 'offer' | 'answer'
  sdp: string
}

/** What a WebRTC peer says to another by way of a signalling protocol. */
export type Said = { description: Description } | { candidate: RTCIceCandidateInit }

/** One side of a signalling protocol, between two peers. */
export interface Side {
  say(said: Said): void
  heard(listener: (said: Said) => void): void
}

/** What two peers have said to each other in the end. */
export interface Conversation {
  /** What each has got through the data channel. */
  heard: { caller: string; callee: string }
  /** How many candidates each was trickled. */
  candidates: { caller: number; callee: number }
}

function connection(side: Side): RTCPeerConnection {
  const peer = new RTCPeerConnection({
    // no STUN server, no interface but loopback: nothing leaves this machine
    iceServers: [],
    iceAdditionalHostAddresses: ['127.0.0.1'],
    iceInterfaceAddresses: { udp4: '127.0.0.1' },
    iceUseIpv6: false,
  })
  onTestFinished(() => peer.close())
  peer.onIceCandidate.subscribe((candidate) => {
    if (candidate) side.say({ candidate: candidate.toJSON() })
  })
  return peer
}

/** The first message of a channel. */
const message = (channel: RTCDataChannel) =>
  new Promise<string>((resolve) => {
    channel.onMessage.subscribe((data) => resolve(data.toString()))
  })

/**
 * Lets one peer offer and the other answer, both trickle their candidates, and each say something
 * through the data channel that comes of it.
 */
export async function converse(
  caller: Side,
  callee: Side,
  greeting: string,
): Promise<Conversation> {
  const [calling, called] = [connection(caller), connection(callee)]
  const candidates = { caller: 0, callee: 0 }

  caller.heard((said) => {
    if ('description' in said) void calling.setRemoteDescription(said.description)
    else {
      candidates.caller++
      void calling.addIceCandidate(said.candidate)
    }
  })
  callee.heard((said) => {
    if ('description' in said) void answer(said.description)
    else {
      candidates.callee++
      void called.addIceCandidate(said.candidate)
    }
  })
  async function answer(offer: Description): Promise<void> {
    await called.setRemoteDescription(offer)
    const description = await called.createAnswer()
    callee.say({ description: withoutCandidates(description) })
    await called.setLocalDescription(description)
  }

  const heardByCallee = new Promise<string>((resolve) => {
    called.onDataChannel.subscribe((channel) => {
      void message(channel).then((text) => {
        channel.send(Buffer.from(`${text}, and back`))
        resolve(text)
      })
    })
  })
  const channel = calling.createDataChannel('chat')
  const heardByCaller = message(channel)
  channel.stateChanged.subscribe((state) => {
    if (state === 'open') channel.send(Buffer.from(greeting))
  })
  const offer = await calling.createOffer()
  caller.say({ description: withoutCandidates(offer) })
  await calling.setLocalDescription(offer)

  const heard = {
    callee: await within(heardByCallee, 'a message through the data channel'),
    caller: await within(heardByCaller, 'the answer through the data channel'),
  }
  return { heard, candidates }
}

/** The description as it is before any candidate is known, so that all of them must be trickled. */
function withoutCandidates({ type, sdp }: { type: string; sdp: string }): Description {
  if (sdp.includes('a=candidate')) throw new Error('the description has candidates already')
  return { type: type as Description['type'], sdp }
}
