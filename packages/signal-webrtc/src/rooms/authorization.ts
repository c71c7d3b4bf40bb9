import { HttpRefusal, type CheckedToken } from 'signal-server'
import { Refusal } from '../json/refusal.js'
import type { RoomConnection } from './connection.js'
import type { RoomsSettings } from './options.js'
import { Session } from './session.js'
import type { RoomSocket } from './socket.js'

const notValid = 'Token is not valid'

/** Lets clients in that bring a token of their app, and gives them session tokens. */
export class Authorization {
  /** Connections that have a session, or ask for one. */
  readonly #taken = new WeakSet<RoomSocket['conn']>()

  constructor(private readonly settings: RoomsSettings) {}

  /**
   * Checks the app token of a handshake (`auth.token`).
   * @throws Refusal if it is not good, or if the connection has a session
   */
  async admit(socket: RoomSocket, connection: RoomConnection | undefined): Promise<Session> {
    const { handshake, conn } = socket
    // socket.io takes every CONNECT that comes before the first one is answered
    if (this.#taken.has(conn)) throw new Refusal('forbidden', 'This connection has a session.')
    this.#taken.add(conn)
    const grant = await this.#check(handshake.auth.token).catch((error: unknown) => {
      this.#taken.delete(conn)
      throw error
    })
    // socket.io keeps it as long as the client stays, and its token is in it
    Object.assign(handshake, { auth: {}, headers: {}, query: {} })
    socket.data = {
      app: grant.app,
      peerinfo: null,
      rooms: {},
      get congested() {
        return connection?.congested ?? false
      },
    }
    return new Session(grant.app, grant, socket, () => connection?.prove() ?? Promise.resolve())
  }

  /** The session of a connection is over. */
  release({ conn }: RoomSocket): void {
    this.#taken.delete(conn)
  }

  /**
   * Gives a session token for the token of the app, or for a session token that is good still.
   * @throws Refusal where it is not good, or another app's
   */
  async sessionToken(session: Session, token: unknown): Promise<string> {
    if (!session.accepts(token)) {
      const { app } = await this.#check(token)
      if (app !== session.app) throw new Refusal('unauthorized', notValid)
    }
    return session.issueToken(this.settings.tokenLifetime * 1_000)
  }

  async #check(token: unknown): Promise<CheckedToken> {
    if (typeof token !== 'string') throw new Refusal('unauthorized', notValid)
    try {
      return await this.settings.tokens.check(token)
    } catch (error) {
      if (error instanceof HttpRefusal) throw new Refusal('unauthorized', notValid)
      throw error
    }
  }
}
