/** How a socket ended: as CloseEvent has it. */
export interface Ending {
  code: number
  reason: string
}

// Of the protocol's CloseCode, which as a whole would take a fortieth of what this package may weigh
/** The server: not allowed for this id or key, or a token that has expired. */
export const unauthorized = 4401
export const forbidden = 4403
/** A newer socket has taken this one's place. */
const superseded = 4409
/** A message was larger than the receiver takes. */
export const tooBig = 1009
/** The other side is gone without a close of its own. */
export const peerGone = 4410

/** There was no close frame. */
export const cut: Ending = { code: 1006, reason: '' }

/**
 * Why a pipe is no more:
 *
 * - `closed`: this side or the other closed it, by closing the pipe, leaving the key or going away;
 *   it comes back with the next introduction
 * - `lost`: nobody meant it to end, and while both want the key it is being connected anew; or this
 *   side closed it and was never answered, so that the last messages may not have arrived
 * - `replaced`: another connection with this client's own id has taken its place
 */
export type PeerLeft = 'closed' | 'lost' | 'replaced'

// anything but the close of a peer's app: what breaks, restarts, or ends a connection on its way
const isLoss = (code: number) =>
  (code > 1001 && code < 3000 && code !== 1005) || (code > 4399 && code < 4500)

/** What the code of a close frame (or 1006, where there was none) says of a pipe. */
export const whyLeft = ({ code }: Ending): PeerLeft =>
  code === superseded ? 'replaced' : isLoss(code) ? 'lost' : 'closed'

/** Whether a pipe that ended so was not ended by its peer's app: a page may be gone, or a proxy. */
export const comesBack = (ending: Ending) => ending.code === 1001 || whyLeft(ending) === 'lost'
