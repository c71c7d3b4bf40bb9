import type { Hello, LifeNonce } from './hello.js'

/** What a link knows when it judges a hello. */
export interface Known {
  /** The session of this end. */
  readonly own: string
  /** The session of the peer that the link is for. */
  readonly session: string
  /** The life that this end is in. */
  readonly life: LifeNonce
  /** The peer's life; undefined until the two have met in this life. */
  readonly peer: LifeNonce | undefined
  /** The peer's life to which numbered frames were sent before the two have met. */
  readonly promised: LifeNonce | undefined
  /** The highest count of a life of that session that was heard of. */
  readonly highest: number
}

/**
 * - `stale`: it is about another session, or about a life that is over; only the socket ends
 * - `first`: the two lives meet for the first time
 * - `resumed`: they have met before
 * - `other`: the peer has begun another life, so this one is over
 */
export type Verdict = 'stale' | 'first' | 'resumed' | 'other'

/** Judges the hello of a peer by the state of this moment. */
export function judge(hello: Hello, known: Known): Verdict {
  const { own, session, life, peer, promised, highest } = known
  if (hello.session !== session || hello.to !== own || hello.life.count < highest) return 'stale'
  const { peerLife } = hello
  const namesMine = peerLife === undefined || peerLife.text === life.text
  if (peer) return hello.life.text === peer.text && namesMine ? 'resumed' : 'other'
  // what was sent to another life may have arrived there, and would arrive again
  if (namesMine) return promised && promised.text !== hello.life.text ? 'other' : 'first'
  return peerLife.count < life.count ? 'stale' : 'other'
}
