import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { SignalServerOptions, Stats } from 'signal-server'
import { onTestFinished } from 'vitest'
import { within } from './arrivals.js'

const script = fileURLToPath(new URL('serve.mjs', import.meta.url))

/** What a server in its own process says of itself. */
export interface Report {
  stats: Stats
  memory: NodeJS.MemoryUsage
}

/** The options that can be told to another process. */
export type PlainOptions = {
  [
    Name in keyof SignalServerOptions as SignalServerOptions[Name] extends number | undefined
      ? Name
      : never
  ]?: number
}

/** A built server (`dist/`) in a process of its own; gone after the test. */
export class ServerProcess {
  #asked = 0

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {}

  /**
   * @param maxDescriptors - file descriptors that the process may have open
   * @param at - the port to listen on; a free one where left out
   */
  static async start(
    options: PlainOptions = {},
    maxDescriptors?: number,
    at = 0,
  ): Promise<ServerProcess> {
    const args = ['--expose-gc', script, JSON.stringify(options), String(at)]
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const
    const limited = `ulimit -n ${maxDescriptors} && exec "$0" "$@"`
    const child =
      maxDescriptors === undefined
        ? spawn(process.execPath, args, { stdio: [...stdio] })
        : spawn('/bin/sh', ['-c', limited, process.execPath, ...args], { stdio: [...stdio] })
    onTestFinished(() => {
      child.kill('SIGKILL')
    })
    const [{ port }] = (await within(once(child, 'message'), 'a server')) as [{ port: number }]
    return new ServerProcess(child, port)
  }

  get ws(): string {
    return `ws://127.0.0.1:${this.port}`
  }

  get http(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Whether it lives. */
  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  /** Ends it without giving it a chance. */
  kill(): void {
    this.child.kill('SIGKILL')
  }

  /** Asks it for its state, after a garbage collection where that is wanted. */
  async report(collect = false): Promise<Report> {
    const id = ++this.#asked
    const answer = new Promise<Report>((resolve) => {
      const listen = (message: Report & { id: number }) => {
        if (message.id !== id) return
        this.child.off('message', listen)
        resolve(message)
      }
      this.child.on('message', listen)
    })
    this.child.send({ id, collect })
    return within(answer, 'a report of the server')
  }

  /** Its resident memory in bytes, after a garbage collection. */
  async residentBytes(): Promise<number> {
    return (await this.report(true)).memory.rss
  }

  /** Starts {@link peakBytes} anew. */
  forgetPeak(): void {
    writeFileSync(`/proc/${this.child.pid}/clear_refs`, '5')
  }

  /** The most resident memory that it ever had since {@link forgetPeak}, in bytes. */
  peakBytes(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'latin1')
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1024
  }
}
