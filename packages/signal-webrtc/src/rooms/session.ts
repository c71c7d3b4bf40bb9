import { randomUUID } from 'node:crypto'
import type { Json } from 'signal-server-protocol'
import type { Grant } from 'signal-server'
import type { RoomSocket } from './socket.js'
import type { Standing } from './standing.js'

const maxTokens = 10

/** One client: what its app token allows, its session tokens, its rooms and requests. */
export class Session {
  /** Counts bytes that it has made the server send against its rate. */
  charge: (bytes: number) => void = () => {}
  /** When each session token expires, in milliseconds since 1970. */
  readonly #tokens = new Map<string, number>()

  constructor(
    readonly app: string,
    readonly grant: Grant,
    readonly socket: RoomSocket,
    /** Finds out whether its client still lives. */
    readonly prove: () => Promise<void>,
  ) {}

  get id(): string {
    return this.socket.id
  }

  get peerinfo(): Json {
    return this.socket.data.peerinfo
  }

  /** Whether too much waits for it to be sent more by others. */
  get congested(): boolean {
    return this.socket.data.congested
  }

  /** Its standings, by room key. */
  get rooms(): Record<string, Standing> {
    return this.socket.data.rooms
  }

  /** Whether it is in a room, and not only claims it. */
  isIn(key: string): boolean {
    const standing = this.rooms[key]
    return standing !== undefined && !standing.claim
  }

  /**
   * A new session token; it is good for this client only. The oldest of many is forgotten.
   * @param lifetime - in milliseconds
   */
  issueToken(lifetime: number): string {
    const token = randomUUID()
    const [oldest] = this.#tokens.keys()
    if (this.#tokens.size >= maxTokens && oldest !== undefined) this.#tokens.delete(oldest)
    this.#tokens.set(token, Date.now() + lifetime)
    return token
  }

  /** Whether a session token is this client's, and not expired. */
  accepts(token: unknown): boolean {
    const expiresAt = typeof token === 'string' ? this.#tokens.get(token) : undefined
    return expiresAt !== undefined && Date.now() < expiresAt
  }
}
