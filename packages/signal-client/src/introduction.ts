import {
  introductionPath,
  type ClientMessage,
  type Json,
  type ServerMessage,
} from 'signal-server-protocol'
import { createConnection, type Connection } from './connection.js'
import type { Dialler } from './dialler.js'
import { cut, forbidden, tooBig, unauthorized, type Ending } from './ending.js'
import { SignalError } from './errors.js'
import { createPulse } from './pulse.js'
import type { Message, WebSocketClass } from './raw-socket.js'
import { parseServerMessage } from './server-message.js'

/** Who is told what the server says. */
export interface IntroductionUser {
  message(message: ServerMessage): void
  /**
   * The server is out of reach.
   * @param wasUp - whether it was in reach before
   */
  down(ending: Ending, wasUp: boolean): void
  /**
   * Something went wrong.
   * @param final - whether it ended for good by that
   */
  failed(error: SignalError, final?: boolean): void
}

/** The introduction socket. */
export interface Introduction {
  readonly connection: Connection
  /** The network or the user is back: tries at once, or finds out at once whether it still works. */
  nudge(): void
  /** A key is wanted, or no more; what is said in one turn goes together. */
  wish(key: string, wanted: boolean): void
  announce(info: Json): void
  /** @returns whether it was sent: not while the server is out of reach */
  send(message: ClientMessage): boolean
  /** Ends it for good. @returns resolves when its socket is gone */
  end(): Promise<void>
}

const greetTime = 15_000
// of which the server refuses all or none: one key too many is no reason to refuse the others
const keysPerMessage = 250

/**
 * Keeps a client in touch with its server.
 *
 * @param keys - all that it wants, live
 */
export function createIntroduction(
  dialler: Dialler,
  Socket: WebSocketClass,
  id: string,
  keys: ReadonlySet<string>,
  initialInfo: Json | undefined,
  user: IntroductionUser,
): Introduction {
  /** What the peers are shown, as it goes to the server. */
  let info = initialInfo === undefined ? undefined : announcement(initialInfo)
  const join = new Set<string>()
  const leave = new Set<string>()
  const tell = () => {
    for (const part of parts(leave)) send({ type: 'Leave', leave: part })
    for (const part of parts(join)) send({ type: 'Join', join: part })
  }

  const connection = createConnection(dialler, {
    path: introductionPath(id),
    Socket,
    greetTime,
    isGreeting: (data) => parsed(data)?.type === 'Welcome',
    greeted(raw, data) {
      // first, so that introductions show it
      if (info) raw.send(info)
      for (const key of keys) join.add(key)
      tell()
      pulse.start()
      this.message(data)
    },
    message(data) {
      const message = parsed(data)
      if (!message) return
      pulse.heard(message.type === 'Pong')
      user.message(message)
    },
    ended(ending, wasUp) {
      pulse.stop()
      user.down(ending, wasUp)
      const { code, reason } = ending
      // where the app can have another token, the next attempt will tell
      const refused = code === forbidden || (code === unauthorized && !dialler.renewsToken)
      if (code === tooBig)
        user.failed(new SignalError('message_too_big', 'A message was too large.'))
      if (!refused) return 'again'
      const name = code === forbidden ? 'forbidden' : 'unauthorized'
      user.failed(new SignalError(name, reason), true)
      return 'end'
    },
    refused: (error, final) => user.failed(error, final),
  })

  const send = (message: ClientMessage) => {
    const { raw } = connection
    raw?.send(JSON.stringify(message))
    return !!raw
  }

  const parsed = (data: Message) => {
    try {
      return parseServerMessage(data)
    } catch (error) {
      user.failed(new SignalError('bad_server_message', String(error)))
    }
  }

  const pulse = createPulse(
    () => send({ type: 'Ping' }),
    () => {
      pulse.stop()
      connection.abandon()
      user.down(cut, true)
    },
  )

  return {
    connection,
    nudge() {
      connection.dial(true)
      pulse.check()
    },
    send,
    announce(current) {
      // what is no JSON is refused now, and not when the server is in reach
      info = announcement(current)
      connection.raw?.send(info)
    },
    wish(key, wanted) {
      if (!wanted) join.delete(key)
      ;(wanted ? join : leave).add(key)
      queueMicrotask(tell)
    },
    end() {
      pulse.stop()
      return connection.stop('end')
    },
  }
}

const announcement = (info: Json) =>
  JSON.stringify({ type: 'Announce', info } satisfies ClientMessage)

/** Takes all keys out of a set, so many at a time. */
function* parts(keys: Set<string>): Iterable<string[]> {
  const all = [...keys]
  keys.clear()
  while (all.length) yield all.splice(0, keysPerMessage)
}
