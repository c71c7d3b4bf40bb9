import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Stats } from 'signal-server'
import { onTestFinished } from 'vitest'
import { eventually, within } from '../../../signal-server/test/harness/arrivals.js'
import type { PlainOptions } from '../../../signal-server/test/harness/server-process.js'

const plain = new URL('serve.mjs', import.meta.url)

/** What an instance says of itself. */
interface Report {
  id: number
  /** Whether its bus is up. */
  up: boolean
  stats: Stats
  memory: NodeJS.MemoryUsage
}

/** A built server (`dist/`) on Redis, in a process of its own; gone after the test. */
export class Instance {
  #asked = 0

  private constructor(
    readonly child: ChildProcess,
    readonly port: number,
  ) {}

  /**
   * Starts one, and waits until it has found its engine.
   * @param script - that is told the same, and answers the same, as `serve.mjs`
   * @param atEnd - takes what is to be done when it is needed no longer
   */
  static async start(
    redis: string,
    options: PlainOptions = {},
    script = plain,
    atEnd: (end: () => void) => void = onTestFinished,
  ): Promise<Instance> {
    const args = ['--expose-gc', fileURLToPath(script), redis, JSON.stringify(options)]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    atEnd(() => {
      child.kill('SIGKILL')
    })
    const [{ port }] = (await within(once(child, 'message'), 'an instance')) as [{ port: number }]
    const instance = new Instance(child, port)
    await instance.isUp()
    return instance
  }

  get ws(): string {
    return `ws://127.0.0.1:${this.port}`
  }

  async isUp(milliseconds?: number): Promise<void> {
    await eventually(async () => (await this.report()).up, 'a bus that is up', milliseconds)
  }

  async report(): Promise<Report> {
    const id = ++this.#asked
    const answer = new Promise<Report>((resolve) => {
      const listen = (message: Report) => {
        if (message.id !== id) return
        this.child.off('message', listen)
        resolve(message)
      }
      this.child.on('message', listen)
    })
    this.child.send({ id })
    return within(answer, 'a report of an instance', 20_000)
  }

  /** A gauge of `/connection`. */
  async gauge(name: string): Promise<number> {
    return (await this.report()).stats.endpoints['connection']![name]!
  }

  /** Sends it a signal; resolves when it has ended, where that ends it. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    const ended = once(this.child, 'exit')
    this.child.kill(signal)
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return null
    const [code] = (await within(ended, `the end after ${signal}`, 20_000)) as [number | null]
    return code
  }
}
