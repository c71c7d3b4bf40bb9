import { once } from 'node:events'
import { createServer, request, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** What a gateway answers by itself. */
export interface Answer {
  status: number
  body?: string
  headers?: Record<string, string>
}

/** An HTTP gateway in front of a server, as an ingress is: passes on, or answers by itself. */
export class Gateway {
  /** What it answers; undefined while it passes everything on. */
  answer: Answer | undefined
  /** The paths for which it answers by itself begin so. */
  answersFor = '/'
  /** Headers of the server's answer to an upgrade that it drops. */
  drops: readonly string[] = []

  private constructor(
    readonly port: number,
    private readonly target: number,
  ) {}

  static async open(target: number, answer?: Answer): Promise<Gateway> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const gateway = new Gateway((server.address() as AddressInfo).port, target)
    gateway.answer = answer
    const sockets = new Set<Socket>()
    server.on('connection', (socket: Socket) => void sockets.add(socket.on('error', () => {})))
    server.on('upgrade', (incoming, socket: Socket) => gateway.#upgrade(incoming, socket))
    server.on('request', (incoming, response) => {
      const answer = gateway.#answerTo(incoming)
      if (answer) return response.writeHead(answer.status, answer.headers).end(answer.body)
      gateway.#pass(incoming).on('response', (from: IncomingMessage) => {
        response.writeHead(from.statusCode!, from.headers)
        from.pipe(response)
      })
    })
    onTestFinished(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    return gateway
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  #answerTo({ url = '' }: IncomingMessage): Answer | undefined {
    return url.startsWith(this.answersFor) ? this.answer : undefined
  }

  #pass({ url, headers }: IncomingMessage) {
    const passed = request({ host: '127.0.0.1', port: this.target, path: url, headers })
    return passed.on('error', () => {}).end()
  }

  #upgrade(incoming: IncomingMessage, socket: Socket): void {
    const answer = this.#answerTo(incoming)
    if (answer) {
      return void socket.end(`HTTP/1.1 ${answer.status} No\r\nConnection: close\r\n\r\n`)
    }
    this.#pass(incoming)
      .on('upgrade', ({ headers }: IncomingMessage, from: Socket, first: Buffer) => {
        const kept = Object.entries(headers).filter(([name]) => !this.drops.includes(name))
        const lines = kept.map(([name, value]) => `${name}: ${String(value)}\r\n`)
        socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`)
        socket.write(first)
        from
          .on('error', () => {})
          .pipe(socket)
          .pipe(from)
      })
      .on('response', () => socket.destroy())
  }
}
