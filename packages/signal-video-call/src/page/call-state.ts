/** Where this page stands with its one call. */
export type CallState =
  | { is: 'idle' }
  /** It rings at the other side. */
  | { is: 'calling'; peer: string; call: string }
  /** It rings here. */
  | { is: 'ringing'; peer: string; call: string; offer: RTCSessionDescriptionInit }
  | { is: 'talking'; peer: string; call: string }

/** What to do with an offer that comes while a call is at a certain state. */
export type OfferVerdict = 'ring' | 'busy' | 'ignore' | 'accept at once'

/**
 * Judges an offer. Two visitors who call each other at the same time both want the call: the lower
 * id's offer is the one that counts.
 */
export function judgeOffer(state: CallState, ownId: string, from: string): OfferVerdict {
  if (state.is === 'idle') return 'ring'
  if (state.peer !== from) return 'busy'
  if (state.is !== 'calling') return 'ring'
  return ownId < from ? 'ignore' : 'accept at once'
}
