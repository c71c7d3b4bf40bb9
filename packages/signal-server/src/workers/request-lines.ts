import type { Socket } from 'node:net'
import { stopReading } from '../reading.js'
import { routeOf, type Route } from './route.js'

const maxHead = 16 * 1024
// for the request line alone: a worker that gets the socket counts its headersTimeout from then on
const headTimeout = 5_000

/** Called with a socket that is not read any more, what was read of it, and where it belongs. */
export type RoutedHandler = (socket: Socket, head: Buffer, route: Exclude<Route, 'unknown'>) => void

/** Reads the request lines of sockets, and nothing beyond what that takes. */
export class RequestLines {
  /** Sockets whose request line is not complete. */
  readonly #reading = new Set<Socket>()
  #whenNone: () => void = () => {}

  /** @param mount - the path below which the server is; '' for the root */
  constructor(
    private readonly mount: string,
    private readonly routed: RoutedHandler,
  ) {}

  read(socket: Socket): void {
    this.#reading.add(socket)
    let head = Buffer.alloc(0)
    const late = setTimeout(() => {
      socket.end('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n')
      socket.destroySoon()
    }, headTimeout)
    const read = () => {
      const chunk = socket.read() as Buffer | null
      if (!chunk) return
      head = Buffer.concat([head, chunk])
      const route = head.length > maxHead ? 'any' : routeOf(head, this.mount)
      if (route === 'unknown') return
      clearTimeout(late)
      socket.off('readable', read)
      // what comes while it is on its way is the worker's: read here, it would be lost
      socket.pause()
      stopReading(socket)
      this.routed(socket, head, route)
      this.#done(socket)
    }
    socket.on('readable', read)
    socket.on('end', () => socket.destroy())
    socket.on('close', () => {
      clearTimeout(late)
      this.#done(socket)
    })
  }

  /** Resolves when no request line is incomplete; those that take longer are closed. */
  async settle(milliseconds: number): Promise<void> {
    if (this.#reading.size === 0) return
    const late = setTimeout(() => {
      for (const socket of this.#reading) socket.destroy()
    }, milliseconds)
    await new Promise<void>((resolve) => (this.#whenNone = resolve))
    clearTimeout(late)
  }

  #done(socket: Socket): void {
    if (this.#reading.delete(socket) && this.#reading.size === 0) this.#whenNone()
  }
}
