import { createRequire } from 'node:module'
import { compileFunction } from 'node:vm'
import { WebSocket, type RawData } from 'ws'
import { bundle } from './bundle.js'
import { Log } from './log.js'

const nodeRequire = createRequire(import.meta.url)

/** A frame as it reached an introduction socket, before the client made anything of it. */
export interface Frame {
  readonly bytes: Buffer
  readonly isBinary: boolean
}

/**
 * What a process or a page is to a client: the WebSockets and the timers that are its own. So a
 * client can be killed or cut off without its help, and its connections be counted.
 */
export class ClientHost {
  /** Introduction sockets that the client asked for, whether or not they opened. */
  readonly dials = new Log<WebSocket>()
  /** Introduction sockets that did open. */
  readonly sessions = new Log<WebSocket>()
  /** Whatever the server sent on introduction sockets. */
  readonly frames = new Log<Frame>()
  /** Sockets on `/connection` that the client asked for. */
  readonly connections = new Log<WebSocket>()
  readonly WebSocket: typeof WebSocket

  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #beats = new Map<NodeJS.Timeout, () => void>()
  #stopped = false

  constructor() {
    const track = (socket: WebSocket) => this.#track(socket)
    this.WebSocket = class extends WebSocket {
      constructor(address: string | URL, protocols?: string | string[]) {
        super(address, protocols)
        track(this)
      }
    } as typeof WebSocket
  }

  /** Evaluates a published package in this host and returns what it exports. */
  load(specifier: string): unknown {
    const module = { exports: {} as unknown }
    const require = (id: string): unknown =>
      id === 'isomorphic-ws' ? this.WebSocket : nodeRequire(id)
    const globals: Record<string, unknown> = {
      module,
      exports: module.exports,
      require,
      WebSocket: this.WebSocket,
      setTimeout: this.#setTimeout,
      clearTimeout: this.#clear,
      setInterval: this.#setInterval,
      clearInterval: this.#clear,
    }
    const evaluate = compileFunction(bundle(specifier), Object.keys(globals), {
      filename: `${specifier}.bundle.cjs`,
    }) as (...values: unknown[]) => void
    evaluate(...Object.values(globals))
    return module.exports
  }

  /** Runs what the client set to be repeated (its heartbeat) now instead of in 55 s. */
  beat(): void {
    for (const callback of this.#beats.values()) callback()
  }

  /** The end of the process: timers gone, every TCP connection cut without a close frame. */
  kill(): void {
    this.#stop()
    for (const socket of this.#sockets()) {
      // A client that is dead can't be asked to handle what its dying sockets emit.
      socket.on('error', () => {})
      socket.terminate()
    }
  }

  /** A network that is lost: nothing more is read or sent, and no TCP connection ends. */
  freeze(): void {
    this.#stop()
    for (const socket of this.#sockets()) socket.pause()
  }

  /** Resolves when every socket that the client ever opened is closed. */
  async allClosed(): Promise<void> {
    const closed = (sockets: readonly WebSocket[]) =>
      sockets.every((socket) => socket.readyState === WebSocket.CLOSED)
    await this.dials.until(closed, 'introduction sockets closed')
    await this.connections.until(closed, 'connection sockets closed')
  }

  #track(socket: WebSocket): void {
    const isIntroduction = new URL(socket.url).pathname.startsWith('/introduction/')
    const log = isIntroduction ? this.dials : this.connections
    socket.on('close', () => log.touch())
    if (isIntroduction) {
      socket.on('open', () => this.sessions.push(socket))
      socket.on('message', (data: RawData, isBinary: boolean) =>
        this.frames.push({ bytes: toBuffer(data), isBinary }),
      )
    }
    log.push(socket)
  }

  #sockets(): WebSocket[] {
    return [...this.dials.items, ...this.connections.items]
  }

  #stop(): void {
    this.#stopped = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.#beats.clear()
  }

  readonly #setTimeout = (callback: () => void, milliseconds: number): unknown => {
    if (this.#stopped) return undefined
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      callback()
    }, milliseconds)
    this.#timers.add(timer)
    return timer
  }

  readonly #setInterval = (callback: () => void, milliseconds: number): unknown => {
    if (this.#stopped) return undefined
    const timer = setInterval(callback, milliseconds)
    this.#timers.add(timer)
    this.#beats.set(timer, callback)
    return timer
  }

  readonly #clear = (timer: NodeJS.Timeout | undefined): void => {
    if (timer === undefined) return
    clearTimeout(timer)
    this.#timers.delete(timer)
    this.#beats.delete(timer)
  }
}

function toBuffer(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data)
  return Buffer.isBuffer(data) ? Buffer.from(data) : Buffer.from(new Uint8Array(data))
}
