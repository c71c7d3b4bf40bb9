import { HttpRefusal, type CheckedToken } from 'signal-server'
import { Refusal } from '../json/refusal.js'
import type { RoomsSettings } from './options.js'
import { Session } from './session.js'
import type { RoomSocket } from './socket.js'

const notValid = 'Token is not valid'

/** Lets clients in that bring a token of their app, and gives them session tokens. */
export class Authorization {
  constructor(private readonly settings: RoomsSettings) {}

  /**
   * Checks the app token of a handshake (`auth.token`).
   * @throws Refusal where it is not good
   */
  async admit(socket: RoomSocket, queue: { readonly congested: boolean }): Promise<Session> {
    const { handshake } = socket
    const grant = await this.#check(handshake.auth.token)
    // other instances are shown the handshake whenever they ask who is in a room
    Object.assign(handshake, { auth: {}, headers: {}, query: {} })
    socket.data = {
      app: grant.app,
      peerinfo: null,
      rooms: {},
      get congested() {
        return queue.congested
      },
    }
    return new Session(grant.app, grant, socket)
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
