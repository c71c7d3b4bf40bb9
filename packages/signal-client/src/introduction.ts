import {
  introductionPath,
  type ClientMessage,
  type Json,
  type ServerMessage,
} from 'signal-protocol'
import { createConnection, type Connection } from './connection.js'
import type { Dialler } from './dialler.js'
import { cut, forbidden, unauthorized, type Ending } from './ending.js'
import { SignalError } from './errors.js'
import { createPulse } from './pulse.js'
import type { Message, WebSocketClass } from './raw-socket.js'

/** Who is told what the server says. */
export interface IntroductionUser {
  message(message: ServerMessage): void
  /**
   * The server is out of reach.
   * @param wasUp - whether it was in reach before
   */
  down(ending: Ending, wasUp: boolean): void
  /** It ended for good. */
  failed(error: SignalError): void
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
  info: Json | undefined,
  user: IntroductionUser,
): Introduction {
  const join = new Set<string>()
  const leave = new Set<string>()
  const tell = () => {
    if (leave.size) send({ type: 'Leave', leave: [...leave] })
    if (join.size) send({ type: 'Join', join: [...join] })
    leave.clear()
    join.clear()
  }

  const connection = createConnection(dialler, {
    path: introductionPath(id),
    Socket,
    greetTime,
    // its first message is the Welcome
    isGreeting: () => true,
    greeted(_raw, data) {
      // first, so that introductions show it
      if (info !== undefined) announce(info)
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
      if (!refused) return 'again'
      const name = code === forbidden ? 'forbidden' : 'unauthorized'
      user.failed(new SignalError(name, reason))
      return 'end'
    },
    refused: (error) => user.failed(error),
  })

  const send = (message: ClientMessage) => {
    const { raw } = connection
    raw?.send(JSON.stringify(message))
    return !!raw
  }

  const announce = (current: Json) => {
    info = current
    send({ type: 'Announce', info })
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
    announce,
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

function parsed(data: Message): ServerMessage | undefined {
  try {
    return JSON.parse(data as string) as ServerMessage
  } catch {
    return undefined
  }
}
