import { createBackoff, type Backoff } from './backoff.js'
import type { Dialler, Refusal } from './dialler.js'
import { cut, peerGone, type Ending } from './ending.js'
import { SignalError } from './errors.js'
import { nextState, type LineEvent, type LineState } from './line.js'
import type { Message, RawSocket, WebSocketClass } from './raw-socket.js'

/** What a connection is for. */
export interface ConnectionUser {
  readonly path: string
  readonly Socket: WebSocketClass
  /** When it may be dialled again, if earlier attempts count. @default nothing counts */
  readonly backoff?: Backoff
  /** How long its greeting may take, in milliseconds. */
  readonly greetTime?: number
  /** Whether this message is the one that makes the connection useful. */
  isGreeting(data: Message): boolean
  /** It is up, by this message. */
  greeted(raw: RawSocket, data: Message): void
  /** A message after that. */
  message(data: Message): void
  /**
   * It ended, or could not be opened.
   * @param wasUp - whether it was useful before
   * @returns what to do: try again, rest until it is dialled, or end for good
   */
  ended(ending: Ending, wasUp: boolean): 'again' | 'rest' | 'end'
  /**
   * It was refused.
   * @param final - whether it would be again, so that it has ended for good
   */
  refused(error: SignalError, final: boolean): void
}

/** Something that keeps itself connected, while it is wanted. */
export interface Connection {
  readonly state: LineState
  /** The socket, while it is up. */
  readonly raw: RawSocket | undefined
  /**
   * It is wanted: opens it, if it is neither open nor being opened, as soon as the back-off allows.
   * @param now - without regard to the back-off
   */
  dial(now?: boolean): void
  /**
   * Closes it until it is dialled (`rest`), or for good (`end`).
   * @returns resolves when its socket is gone
   */
  stop(wish: 'rest' | 'end'): Promise<void>
  /** Gives the socket up without waiting for anybody; tries again after a pause. */
  abandon(): void
}

// one that lived so long was no failure
const provenAfter = 10_000
// for a token, and then for a socket: a browser opens those to one host one after the other, so that
// a hundred take a while
const openTime = 30_000
// for the server's answer, and perhaps another token
const askTime = 10_000

/** Runs a {@link LineState line}: opens sockets, and opens them again with growing pauses. */
export function createConnection(dialler: Dialler, user: ConnectionUser): Connection {
  const { backoff = createBackoff() } = user
  let state: LineState = 'idle'
  let raw: RawSocket | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let dialledAt = 0
  /** The last reason for a failure, and how often in a row it was the same. */
  let failure: string | undefined
  let times = 0
  /** Grows with each change of state, so that late answers are known as such. */
  let turn = 0

  const happen = (event: LineEvent) => {
    const next = nextState(state, event)
    if (!next) return
    // it has failed, or what was tried a moment ago is not wanted at present
    if (event === 'lost') backoff.pause()
    else if (next === 'idle' && state !== 'waiting') backoff.pause(dialledAt)
    state = next
    turn++
    clearTimeout(timer)
    if (state === 'connecting') void open(turn)
    else if (state === 'asking') void ask(turn)
    else if (state === 'connected') timer = setTimeout(() => backoff.reset(), provenAfter)
    else if (state === 'waiting') timer = setTimeout(happen, backoff.wait, 'dial')
  }

  const open = async (mine: number) => {
    dialledAt = performance.now()
    let socket: RawSocket | undefined
    let opened = false
    const ended = (ending: Ending) => {
      if (raw !== socket) return
      void release()
      const wish = user.ended(ending, state === 'connected')
      happen(wish !== 'again' ? wish : opened || !socket ? 'lost' : 'failed')
    }
    const failed = (reason: string) => {
      tell({ final: false, error: new SignalError('dial_failed', reason) })
      ended({ ...cut, reason })
    }
    timer = setTimeout(failed, openTime, 'No token within 30 s.')
    try {
      socket = await dialler.dial(user.path, user.Socket)
    } catch (error) {
      // the app's token could not be had, or cannot be sent
      if (mine === turn) failed(String(error))
      return
    }
    if (mine !== turn) return socket.close()
    raw = socket
    const own = socket
    clearTimeout(timer)
    const { greetTime } = user
    timer = setTimeout(ended, greetTime ?? openTime, cut)
    socket.onopen = () => {
      opened = true
      // a pipe that waits for its peer may do so as long as the server lets it
      if (raw === own && !greetTime) clearTimeout(timer)
    }
    socket.onmessage = ({ data }: { data: Message }) => {
      if (raw !== own) return
      if (state === 'connected') user.message(data)
      else if (user.isGreeting(data)) {
        happen('greeted')
        failure = undefined
        user.greeted(own, data)
      }
    }
    socket.onclose = ({ code, reason }: Ending) => ended(own.ending ?? { code, reason })
  }

  const ask = async (mine: number) => {
    timer = setTimeout(happen, askTime, 'lost')
    const refusal = await dialler.whyNot(user.path)
    if (mine !== turn) return
    happen(refusal?.final ? 'end' : 'lost')
    tell(refusal)
  }

  /** Tells of what is final, and once of what is the reason twice in a row and so no moment's. */
  const tell = (refusal: Refusal | undefined) => {
    const code = refusal?.error.code
    times = code === failure ? times + 1 : 1
    failure = code
    const isDue = refusal?.final || times === (code === 'dial_failed' ? 1 : 2)
    if (refusal && isDue) user.refused(refusal.error, refusal.final)
  }

  /** Lets go of the socket, of which nothing is heard any more, and closes it. */
  const release = (code?: number) =>
    new Promise<void>((resolve) => {
      const socket = raw
      raw = undefined
      if (!socket || socket.readyState === 3) return resolve()
      socket.onclose = () => resolve()
      socket.close(code)
      // the answer to a close stands behind what was not read
      if (state === 'connected') socket.resume?.()
    })

  return {
    get state() {
      return state
    },
    get raw() {
      return state === 'connected' ? raw : undefined
    },
    dial(now) {
      if (now || (state === 'idle' && backoff.wait <= 0)) happen('dial')
      else happen('wait')
    },
    stop(wish) {
      const gone = release(1000)
      happen(wish)
      return gone
    },
    abandon() {
      void release(peerGone)
      happen('lost')
    },
  }
}
