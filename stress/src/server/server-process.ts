import { fork, type ChildProcess, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { SignalServerOptions, Stats } from 'signal-server'
import { checkoutAt, type Checkout } from '../checkout.js'
import type { Vitals } from './probe.js'

/** What the server's process says about itself. */
export interface Report extends Vitals {
  stats: Stats
}

interface FromServer {
  port?: number
  fault?: string
  report?: Report
}

const script = (name: string) => new URL(`../../dist/server/${name}`, import.meta.url)
const reportTime = 90_000

/** A server in a process of its own. */
export class ServerProcess {
  /** Faults that it told, and its death if it died. */
  readonly faults: string[] = []
  #errors = ''

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    readonly checkout: Checkout,
  ) {
    child.on('message', ({ fault }: FromServer) => {
      if (fault) this.faults.push(fault)
    })
    child.stderr?.on('data', (text: Buffer) => (this.#errors += text.toString()))
    child.on('exit', (code, signal) => {
      this.faults.push(`The server died (${signal ?? code}).\n${this.#errors.slice(-4_000)}`)
    })
  }

  get pid(): number {
    return this.child.pid!
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  /** The library with every endpoint, which anybody may use. */
  static async start(
    options: SignalServerOptions = {},
    checkout = checkoutAt(),
  ): Promise<ServerProcess> {
    const child = fork(
      fileURLToPath(script('library.js')),
      [JSON.stringify({ checkout, options })],
      {
        execArgv: ['--expose-gc', '--initial-old-space-size=256'],
        stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      },
    )
    const [{ port }] = (await once(child, 'message')) as [FromServer]
    return new ServerProcess(child, port!, checkout)
  }

  /**
   * The command, as an operator starts it; its log goes to `stdout` of the returned process.
   * @param environment - its settings
   */
  static async command(
    environment: Readonly<Record<string, string>> = {},
    checkout = checkoutAt(),
  ): Promise<{ server: ServerProcess; log: NodeJS.ReadableStream }> {
    const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', 'ipc']
    const child = fork(fileURLToPath(checkout.command), [], {
      execArgv: [
        '--expose-gc',
        '--initial-old-space-size=256',
        '--import',
        script('command-probe.js').href,
      ],
      env: {
        PATH: process.env['PATH'],
        PORT: '0',
        HOST: '127.0.0.1',
        LOG_FORMAT: 'json',
        ...environment,
      },
      stdio,
    })
    const log = child.stdout!
    for (let text = ''; ;) {
      const [chunk] = (await once(log, 'data', { signal: AbortSignal.timeout(20_000) })) as [Buffer]
      text += chunk.toString()
      const port = Number(/"listening".*?:(\d+)/.exec(text)?.[1])
      if (port > 0) return { server: new ServerProcess(child, port, checkout), log }
    }
  }

  /**
   * Asks it; it collects garbage first.
   * @throws Error if it does not answer
   */
  async report(): Promise<Report> {
    this.child.send('report')
    const signal = AbortSignal.timeout(reportTime)
    for (;;) {
      const [{ report }] = (await once(this.child, 'message', { signal })) as [FromServer]
      if (report) return report
    }
  }

  async stop(): Promise<void> {
    if (!this.alive) return
    this.child.removeAllListeners('exit')
    const exited = once(this.child, 'exit')
    // one that is busy does not see that it is left alone
    const late = setTimeout(() => this.child.kill('SIGKILL'), 2_000)
    this.child.disconnect()
    this.child.kill()
    await exited
    clearTimeout(late)
  }
}
