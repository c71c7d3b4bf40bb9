import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { SignalServerOptions, Stats } from 'signal-server'

/** What the server's process says about itself. */
export interface Report {
  stats: Stats
  memory: NodeJS.MemoryUsage
  handles: number
}

interface FromServer extends Partial<Report> {
  port?: number
  fault?: string
}

/** A server in a process of its own. */
export class ServerProcess {
  /** Faults that it told, and its death where it died. */
  readonly faults: string[] = []
  #errors = ''

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {
    child.on('message', ({ fault }: FromServer) => {
      if (fault) this.faults.push(fault)
    })
    child.stderr?.on('data', (text: Buffer) => (this.#errors += text.toString()))
    child.on('exit', (code, signal) => {
      this.faults.push(`The server died (${signal ?? code}).\n${this.#errors.slice(-4_000)}`)
    })
  }

  /** @param script - the built server */
  static async start(
    options: SignalServerOptions = {},
    script = new URL('server.js', import.meta.url),
  ): Promise<ServerProcess> {
    const child = fork(fileURLToPath(script), [JSON.stringify(options)], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    const [{ port }] = (await once(child, 'message')) as [FromServer]
    return new ServerProcess(child, port!)
  }

  /** Asks it; collects garbage first. */
  async report(): Promise<Report> {
    this.child.send('report')
    for (;;) {
      const [message] = (await once(this.child, 'message')) as [FromServer]
      if (message.stats) return message as Report
    }
  }

  async stop(): Promise<void> {
    this.child.removeAllListeners('exit')
    const exited = once(this.child, 'exit')
    this.child.disconnect()
    await exited
  }
}
