/** What one visitor's page says to another's about a call, as a signal. */
export type Said = { call: string } & (
  | { say: 'offer'; description: RTCSessionDescriptionInit }
  | { say: 'answer'; description: RTCSessionDescriptionInit }
  | { say: 'candidate'; candidate: RTCIceCandidateInit }
  | { say: 'refused'; why: 'declined' | 'busy' }
  | { say: 'over' }
)

/** A signal as something said about a call; undefined where it is anything else. */
export function parseSaid(signal: unknown): Said | undefined {
  if (!isObject(signal) || typeof signal.call !== 'string') return undefined
  const { call, say } = signal
  switch (say) {
    case 'offer':
    case 'answer': {
      const { description } = signal
      if (!isObject(description) || typeof description.sdp !== 'string') return undefined
      return { call, say, description: { type: say, sdp: description.sdp } }
    }
    case 'candidate':
      return isObject(signal.candidate) ? { call, say, candidate: signal.candidate } : undefined
    case 'refused':
      return { call, say, why: signal.why === 'busy' ? 'busy' : 'declined' }
    case 'over':
      return { call, say }
    default:
      return undefined
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null
