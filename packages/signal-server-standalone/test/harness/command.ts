import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { eventually, within } from '../../../signal-server/test/harness/arrivals.js'

/** The built command, a script for Node. */
export const script = fileURLToPath(new URL('../../dist/start.js', import.meta.url))

/** How a command ended. */
export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** The command as users run it: a process of its own, with nothing in its environment but this. */
export class Command {
  #stdout = ''
  #stderr = ''
  readonly ended: Promise<Ended>

  private constructor(readonly child: ChildProcessByStdio<null, Readable, Readable>) {
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    this.ended = once(child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }))
  }

  /** Runs it, whatever it does. */
  static run(args: readonly string[], env: Record<string, string> = {}): Command {
    const { PATH = '' } = process.env
    const child = spawn(process.execPath, [script, ...args], {
      env: { PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    onTestFinished(() => {
      child.kill('SIGKILL')
    })
    return new Command(child)
  }

  /** Runs a server on a free port, and waits until it says that it listens. */
  static async serve(
    env: Record<string, string> = {},
    args: readonly string[] = [],
  ): Promise<Server> {
    const command = Command.run(args, { PORT: '0', HOST: '127.0.0.1', ...env })
    const line = /(?:🐟 Listening at |"event":"listening","url":")((?:https?:\/\/|unix:)[^\s"]+)/u
    const gone = command.ended.then(({ stderr }) => {
      throw new Error(`it ended: ${stderr}`)
    })
    const listens = eventually(() => line.test(command.output), 'the line that it listens', 30_000)
    await Promise.race([listens, gone])
    gone.catch(() => {})
    return { command, url: line.exec(command.output)![1]! }
  }

  /** Everything that it has printed so far. */
  get output(): string {
    return this.#stdout + this.#stderr
  }

  /** Sends it a signal, and waits until it has ended. */
  end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.child.kill(signal)
    return within(this.ended, `the end after ${signal}`, 15_000)
  }
}

/** A server that listens. */
export interface Server {
  command: Command
  /** `http://127.0.0.1:…` */
  url: string
}

/** The same place for WebSockets. */
export const ws = (url: string): string => url.replace(/^http/, 'ws')
