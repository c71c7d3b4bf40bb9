import { connectionPath, introductionPath } from 'signal-server-protocol'
import {
  clientFrame,
  handshake,
  Opcode,
  type HandshakeFlaws,
  type RawResponse,
} from 'signal-test-kit'
import type { ClientOptions } from 'ws'
import type { OpenSockets } from './open-sockets.js'
import { dialects, type DialectName } from './dialects.js'
import { Failure } from './failure.js'
import { Participant } from './participant.js'
import { RawSocket } from './raw-socket.js'
import { Socket } from './socket.js'

/** One base URL of the server, with all that a client can do there. */
export class Entrance {
  readonly #base: URL
  /** The token of the base URL (`/t/<token>` at its end), if there is one. */
  readonly token: string | undefined

  constructor(
    base: string,
    private readonly common: DialectName,
    private readonly open: OpenSockets,
  ) {
    this.#base = new URL(base)
    if (this.#base.protocol === 'http:') this.#base.protocol = 'ws:'
    if (this.#base.protocol === 'https:') this.#base.protocol = 'wss:'
    const token = /\/t\/([^/]+)\/?$/.exec(this.#base.pathname)?.[1]
    this.token = token === undefined ? undefined : decodeURIComponent(token)
  }

  /** The URL of a path below the base; the path is taken as it is. */
  url(path: string): URL {
    return new URL(this.target(path), this.#base)
  }

  /** What the request line says for a path below the base. */
  target(path: string): string {
    return `${this.#base.pathname.replace(/\/$/, '')}${path}`
  }

  /** The path below the base without its token. */
  targetWithoutToken(path: string): string {
    return `${this.#base.pathname.replace(/(\/t\/[^/]+)?\/?$/, '')}${path}`
  }

  /** A WebSocket on any path. */
  async socket(
    path: string,
    protocols: readonly string[] = [],
    options: ClientOptions = {},
  ): Promise<Socket> {
    const socket = await Socket.open(this.url(path), protocols, options)
    this.open.push({ destroy: () => socket.ws.terminate() })
    return socket
  }

  /** A socket on `/introduction`. */
  async introduction(id: string, dialect: DialectName | 'any'): Promise<Participant> {
    const spoken = dialects[dialect === 'any' ? this.common : dialect]
    const socket = await this.socket(introductionPath(id), spoken.protocols)
    return new Participant(id, spoken, socket)
  }

  /** A peer that has joined these keys. */
  async peer(dialect: DialectName | 'any', id: string, ...keys: string[]): Promise<Participant> {
    const participant = await this.introduction(id, dialect)
    participant.join(...keys)
    await participant.settled()
    return participant
  }

  /** A socket on `/connection`. */
  connect(
    localId: string,
    remoteId: string,
    key: string,
    protocols: readonly string[] = [],
  ): Promise<Socket> {
    return this.socket(connectionPath(localId, remoteId, key), protocols)
  }

  /** A bare connection. */
  async raw(): Promise<RawSocket> {
    const raw = await RawSocket.open(this.#base)
    this.open.push(raw.socket)
    return raw
  }

  /** Sends a handshake, or one with a flaw, and gives the answer. */
  async ask(path: string, flaws?: HandshakeFlaws): Promise<RawResponse> {
    return (await this.knock(this.target(path), flaws)).response
  }

  /** A bare connection that was answered with 101. */
  async upgrade(path: string, flaws?: HandshakeFlaws): Promise<RawSocket> {
    const { raw, response } = await this.knock(this.target(path), flaws)
    const { status, body } = response
    if (status !== 101) throw new Failure(`${path} was answered with ${status} ${body.trim()}`)
    return raw
  }

  /** Sends a handshake for a request target. */
  async knock(
    target: string,
    flaws?: HandshakeFlaws,
  ): Promise<{ raw: RawSocket; response: RawResponse }> {
    const raw = await this.raw()
    raw.write(this.#handshake(target, flaws))
    return { raw, response: await raw.response() }
  }

  /** A handshake for a path, as bytes. */
  handshake(path: string): string {
    return this.#handshake(this.target(path))
  }

  #handshake(target: string, flaws: HandshakeFlaws = {}): string {
    return handshake(target, { ...flaws, headers: { Host: this.#base.host, ...flaws.headers } })
  }

  /** A bare socket on `/connection` that has shown that it listens. */
  async connectRaw(localId: string, remoteId: string, key: string): Promise<RawSocket> {
    const raw = await this.upgrade(connectionPath(localId, remoteId, key))
    raw.write(clientFrame(Opcode.pong))
    return raw
  }

  /** A bare socket on `/introduction` that has joined keys. */
  async introduceRaw(id: string, ...keys: string[]): Promise<RawSocket> {
    const { protocols } = dialects[this.common]
    const offered = protocols.length > 0 ? protocols.join(', ') : undefined
    const headers = { 'Sec-WebSocket-Protocol': offered }
    const raw = await this.upgrade(introductionPath(id), { headers })
    raw.write(this.joinFrame(...keys))
    return raw
  }

  /** The frame of a Join. */
  joinFrame(...keys: string[]): Buffer {
    const { data, binary } = dialects[this.common].join(keys)
    return clientFrame(binary ? Opcode.binary : Opcode.text, data)
  }

  /** A plain HTTP request. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const url = this.url(path)
    url.protocol = url.protocol === 'wss:' ? 'https:' : 'http:'
    return fetch(url, { ...init, signal: AbortSignal.timeout(5_000) })
  }

  /** The header `Host` for bare requests. */
  get host(): string {
    return this.#base.host
  }
}
