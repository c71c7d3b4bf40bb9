import { lifeNonce, sessionName } from './hello.js'
import type { App, Outside } from './host.js'
import { PeerLinks, type Shared } from './peer-links.js'

/** How a client wants its links. */
export interface LinksOptions {
  /** For how long the app is told nothing when a link has lost its transport, in milliseconds. */
  grace?: number
  /** The largest message that is assembled, in bytes. */
  maxMessageBytes?: number
}

/**
 * All links of one client: a pure machine. It hears what the server says and what transports bring,
 * and says what to dial, to send and to tell the app (docs/PROTOCOL.md, Links).
 */
export class Links {
  /** The name of this session: 8 bytes as base64url. */
  readonly session: string
  readonly #wanted = new Set<string>()
  readonly #peers = new Map<string, PeerLinks>()
  readonly #shared: Shared
  #lives = 0

  constructor(
    { grace = 30_000, maxMessageBytes = 64 * 1024 * 1024 }: LinksOptions,
    outside: Outside,
    app: App,
  ) {
    this.session = sessionName(outside.randomBytes(8))
    this.#shared = {
      outside,
      app,
      own: this.session,
      grace,
      maxMessageBytes,
      wanted: this.#wanted,
      newNonce: () => lifeNonce(++this.#lives, outside.randomBytes(8)),
      isServerReachable: false,
    }
  }

  /** This client wants a key. */
  join(key: string): void {
    this.#wanted.add(key)
  }

  /** This client does not want a key any more: what is queued on it still goes out. */
  leave(key: string): void {
    if (!this.#wanted.delete(key)) return
    for (const peer of this.#peers.values()) {
      peer.left(key, { code: 1000, reason: '', why: 'closed' })
    }
  }

  /** The introduction socket is open: the server introduces everybody again. */
  welcome(): void {
    this.#shared.isServerReachable = true
    for (const peer of this.#peers.values()) peer.welcome()
  }

  /** Everybody who is there has been introduced since the last `welcome`. */
  settled(): void {
    for (const peer of this.#peers.values()) peer.settled()
  }

  /** The introduction socket is gone. */
  unreachable(): void {
    this.#shared.isServerReachable = false
  }

  /**
   * Takes an Introduction.
   * @param link - the peer's session, if it has links
   */
  introduced(id: string, keys: readonly string[], link?: string, again = false): void {
    let peer = this.#peers.get(id)
    if (!peer) this.#peers.set(id, (peer = new PeerLinks(id, this.#shared)))
    peer.introduced(keys, link, again)
  }

  departed(id: string, keys: readonly string[]): void {
    this.#peers.get(id)?.departed(keys)
  }

  /** Another session of this client's id has keys. */
  replaced(keys: readonly string[]): void {
    for (const peer of this.#peers.values()) peer.replaced(keys)
  }

  /** A raw pipe has ended. */
  rawEnded(id: string, key: string): void {
    this.#peers.get(id)?.rawEnded(key)
  }

  /** The server does not let this client connect to a peer on a key. */
  refused(id: string, key: string): void {
    this.#peers.get(id)?.refused(key)
  }

  /** The network may have changed: every link asks for a sign of life. */
  probe(): void {
    for (const peer of this.#peers.values()) peer.probe()
  }

  /** Says goodbye to all peers. @param code - 1001 for a page that goes away */
  close(code = 1000): void {
    for (const peer of this.#peers.values()) peer.close(code)
    this.#peers.clear()
  }
}
