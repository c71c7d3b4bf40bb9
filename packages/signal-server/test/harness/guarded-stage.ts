import { SignalServer, Tokens, type SignalServerOptions, type TokenClaims } from 'signal-server'
import type { RawResponse } from 'signal-test-kit'
import { expect, onTestFinished } from 'vitest'
import { eventually } from './arrivals.js'
import { Bystanders } from './bystanders.js'
import { RawSocket } from './raw-socket.js'

/** 32 bytes: as short as a secret may be. */
export const SECRET = 'correct horse battery staple 123'

/** A server that asks for tokens, and bystanders that have one. */
export class GuardedStage {
  private constructor(
    readonly server: SignalServer,
    readonly tokens: Tokens,
    readonly port: number,
    private readonly bystanders: Bystanders,
    private readonly socketsBefore: number,
  ) {}

  static async open(options: SignalServerOptions = {}, apps?: string[]): Promise<GuardedStage> {
    const tokens = new Tokens({ secret: SECRET, ...(apps && { apps }) })
    const server = new SignalServer({ authorize: tokens.authorize, ...options })
    onTestFinished(() => server.close())
    const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
    const token = await tokens.issue({ app: 'bystanding' })
    const bystanders = await Bystanders.meet(`ws://127.0.0.1:${port}/t/${token}`)
    onTestFinished(() => bystanders.leave())
    return new GuardedStage(server, tokens, port, bystanders, server.stats().sockets)
  }

  /** Base URL for clients that bring a token in their path. */
  async url(claims: TokenClaims): Promise<string> {
    return `ws://127.0.0.1:${this.port}/t/${await this.tokens.issue(claims)}`
  }

  /** What an upgrade is answered with. */
  async answer(path: string, headers: Record<string, string> = {}): Promise<RawResponse> {
    const raw = await RawSocket.open(this.port)
    onTestFinished(() => {
      raw.socket.destroy()
    })
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    raw.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
        `${fields.join('')}\r\n`,
    )
    return raw.response()
  }

  /** Nothing of the case is left, and nobody else has lost anything. */
  async expectQuiet(): Promise<void> {
    await eventually(
      () => this.server.stats().sockets === this.socketsBefore,
      () => `${this.socketsBefore} sockets, not ${this.server.stats().sockets}`,
    )
    expect((await fetch(`http://127.0.0.1:${this.port}/healthz`)).status).toBe(200)
    await this.bystanders.lostNothing()
  }
}
