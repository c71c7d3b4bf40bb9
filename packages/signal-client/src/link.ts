import { connectionPath, PAIRED_TEXT } from 'signal-server-protocol'
import type { Backoff } from './backoff.js'
import type { ClientEvents } from './client-events.js'
import { createConnection } from './connection.js'
import type { Dialler } from './dialler.js'
import { comesBack, cut, tooBig, whyLeft, type Ending } from './ending.js'
import { SignalError, type SignalErrorCode } from './errors.js'
import type { Peer } from './peer.js'
import { PipeSocket } from './pipe-socket.js'
import type { WebSocketClass } from './raw-socket.js'

/** What all links of a client share. */
export interface LinkContext {
  readonly dialler: Dialler
  /** What pipes are made of. */
  readonly Socket: WebSocketClass
  /** Id of this client. */
  readonly ownId: string
  /** Tells the app. */
  readonly emit: <Event extends keyof ClientEvents>(
    event: Event,
    ...args: ClientEvents[Event]
  ) => void
}

/** A peer and a key that both want: keeps a pipe there. */
export interface Link {
  /** The pipe, from when it is paired until it has ended. */
  readonly socket: PipeSocket | undefined
  /** Whether nothing is there, and nothing is to be done. */
  readonly isIdle: boolean
  /** When it may be dialled again. */
  readonly backoff: Backoff
  /**
   * The server has introduced the peer; a pipe that lives is left alone.
   * @param again - the server knows that there is no pipe any more
   */
  introduce(again: boolean | undefined): void
  /**
   * The peer has left the key, or nobody can say any more whether it is there: a pipe that lives is
   * left alone.
   * @param doubtful - whether the network may be gone, and the pipe with it
   */
  depart(doubtful?: boolean): void
  /**
   * Closes the pipe.
   * @param forGood - whether the key is wanted no more
   * @returns resolves when its socket is gone
   */
  close(forGood?: boolean): Promise<void>
}

// news of a pipe and of its introduction come on different TCP connections, in any order
const settledAfter = 5_000

/**
 * @param backoff - of this peer and key; it outlives the link
 * @param idle - told when the pipe was the last that there was to be done
 */
export function createLink(
  { dialler, Socket, ownId, emit }: LinkContext,
  peer: Peer,
  key: string,
  backoff: Backoff,
  idle: () => void,
): Link {
  const { id } = peer
  let socket: PipeSocket | undefined
  /** Whether the peer wants the key, as far as the server has told. */
  let introduced = false
  /** Whether its network may be gone: the introduction's was, and nothing was heard since. */
  let doubted = false
  let pairedAt = 0
  /** When the peer left and came back, though the pipe has outlived that. */
  let returnedAt = 0

  const connection = createConnection(dialler, {
    path: connectionPath(ownId, id, key),
    Socket,
    backoff,
    isGreeting: (data) => data === PAIRED_TEXT,
    greeted(raw) {
      doubted = false
      pairedAt = performance.now()
      socket = new PipeSocket(raw)
      emit('peer', peer, key, socket)
    },
    message(data) {
      doubted = false
      if (socket!.inbox.add(data)) return
      fail('overflow', 'Too much was left unread.')
      abandon()
    },
    ended(ending, wasUp) {
      const own = socket?.isClosing
      if (ending.code === tooBig) fail('message_too_big', 'A message was too large.')
      left(ending)
      // what never was a pipe can have been ended by the server only; and the close of one that the
      // peer has left may come after the introduction with which it is back
      const returned = performance.now() - returnedAt < settledAfter
      const again = comesBack(ending) || (whyLeft(ending) === 'closed' && (!wasUp || returned))
      return introduced && again && !own ? 'again' : 'rest'
    },
    refused: ({ code, message }) => fail(code, message),
  })

  const fail = (code: SignalErrorCode, message: string) =>
    emit('error', new SignalError(code, message, { id, keys: [key] }))

  const left = (ending: Ending) => {
    const was = socket
    socket = undefined
    if (!was) return
    was.inbox.end(ending)
    emit('peer-left', peer, key, whyLeft(ending))
    idle()
  }

  const abandon = () => {
    connection.abandon()
    // who has left is not dialled: the link is forgotten with its pipe, and could only get in the way
    if (!introduced) void connection.stop('rest')
    left(cut)
  }

  return {
    backoff,
    get socket() {
      return socket
    },
    get isIdle() {
      return !introduced && !socket
    },
    introduce(again) {
      if (socket && !introduced) returnedAt = performance.now()
      introduced = true
      if (socket && (doubted || (again && performance.now() - pairedAt > settledAfter))) abandon()
      connection.dial()
    },
    depart(doubtful) {
      introduced = false
      doubted ||= !!doubtful
      if (!socket) void connection.stop('rest')
    },
    close(forGood) {
      introduced &&= !forGood
      const gone = connection.stop('rest')
      left({ code: 1000, reason: '' })
      return gone
    },
  }
}
