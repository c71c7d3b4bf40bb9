/**
 * Where a connection that keeps itself up stands:
 *
 * - `idle`: it is not wanted at present
 * - `connecting`: a socket was asked for, and what makes it useful has not come yet
 * - `connected`: it is useful
 * - `asking`: that never came, and the server is asked why
 * - `waiting`: for the next attempt
 * - `over`: it ended for good
 */
export type LineState = 'idle' | 'connecting' | 'connected' | 'asking' | 'waiting' | 'over'

/**
 * What can happen to it:
 *
 * - `dial`: it is wanted, or the time to wait is over
 * - `wait`: it is wanted, and was tried a moment ago
 * - `greeted`: what makes it useful has come
 * - `failed`: its socket has ended before it was open
 * - `lost`: its socket has ended after that, or may be asked for again
 * - `rest`: it is wanted no more at present
 * - `end`: it is wanted no more, or was refused for good
 */
export type LineEvent = 'dial' | 'wait' | 'greeted' | 'failed' | 'lost' | 'rest' | 'end'

type Transitions = Partial<Record<LineEvent, LineState>>

const always: Transitions = { rest: 'idle', end: 'over' }

const table: Record<LineState, Transitions> = {
  idle: { dial: 'connecting', wait: 'waiting', end: 'over' },
  connecting: { ...always, greeted: 'connected', failed: 'asking', lost: 'waiting' },
  connected: { ...always, lost: 'waiting' },
  asking: { ...always, dial: 'connecting', lost: 'waiting' },
  waiting: { ...always, dial: 'connecting' },
  over: {},
}

/** The state that an event leads to; undefined where it means nothing in this state. */
export const nextState = (state: LineState, event: LineEvent): LineState | undefined =>
  table[state][event]
