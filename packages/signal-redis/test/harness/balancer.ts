import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** How often instances are asked whether they are ready, in milliseconds. */
const askInterval = 100

/**
 * A TCP balancer: it deals connections out to those instances that say on `/readyz` that they are
 * ready. Gone after the test.
 */
export class Balancer {
  readonly #ready = new Map<number, boolean>()
  readonly #sockets = new Set<Socket>()
  #next = 0

  private constructor(readonly port: number) {}

  static async open(): Promise<Balancer> {
    const server = createServer((near) => balancer.#deal(near))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const balancer = new Balancer((server.address() as AddressInfo).port)
    const asking = setInterval(() => void balancer.#ask(), askInterval)
    onTestFinished(() => {
      clearInterval(asking)
      for (const socket of balancer.#sockets) socket.destroy()
      server.close()
    })
    return balancer
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Takes an instance, which is ready, into the turn. */
  add(port: number): void {
    this.#ready.set(port, true)
  }

  async #ask(): Promise<void> {
    for (const port of this.#ready.keys()) {
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined)
      this.#ready.set(port, answer?.ok ?? false)
    }
  }

  #deal(near: Socket): void {
    const ready = [...this.#ready].filter(([, is]) => is)
    const chosen = ready[this.#next++ % ready.length]
    if (!chosen) return void near.destroy()
    const far = connect(chosen[0], '127.0.0.1')
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => this.#sockets.delete(socket))
      socket.pipe(other)
    }
  }
}
