import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { introductionPath } from 'signal-server-protocol'
import { onTestFinished } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { Arrivals } from './events.js'

/** A server that says and does what the test tells it. */
export class ScriptedServer {
  /** The sockets of introductions, each after its Welcome. */
  readonly introductions = new Arrivals<WebSocket>()
  /** The sockets of pipes; nothing was said on them yet. */
  readonly pipes = new Arrivals<WebSocket>()

  private constructor(private readonly server: WebSocketServer) {
    server.on('connection', (socket, { url = '' }) => {
      socket.on('error', () => {})
      if (!url.startsWith(introductionPath(''))) return this.pipes.push(socket)
      tell(socket, { type: 'Welcome', id: 'alice', server: { name: 'scripted', version: '1' } })
      this.introductions.push(socket)
    })
  }

  static async open(): Promise<ScriptedServer> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    onTestFinished(() => {
      for (const socket of server.clients) socket.terminate()
      server.close()
    })
    await once(server, 'listening')
    return new ScriptedServer(server)
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }
}

/** Sends a message of the protocol. */
export function tell(socket: WebSocket, message: object): void {
  socket.send(JSON.stringify(message))
}
