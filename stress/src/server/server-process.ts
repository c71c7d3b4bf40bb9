import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
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
const execArgv = ['--expose-gc', '--initial-old-space-size=256']
const reportTime = 90_000
const startTime = 20_000

/** A port that nothing listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

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

  /** What it has written to stderr. */
  get errors(): string {
    return this.#errors
  }

  /**
   * The library in a process of its own, with every endpoint, which anybody may use.
   * @param how.name - of the script that makes the server
   * @param how.redisUrl - of the Redis that joins it with other instances
   */
  static async start(
    options: SignalServerOptions = {},
    checkout = checkoutAt(),
    { name = 'library.js', redisUrl }: { name?: string; redisUrl?: string | undefined } = {},
  ): Promise<ServerProcess> {
    const child = fork(
      fileURLToPath(script(name)),
      [JSON.stringify({ checkout, options, redisUrl })],
      {
        execArgv,
        stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      },
    )
    const [{ port }] = (await once(child, 'message')) as [FromServer]
    return new ServerProcess(child, port!, checkout)
  }

  /**
   * The command, as an operator starts it; its log goes to `stdout` of the returned process.
   * @param environment - its settings
   * @param output - the descriptor that takes stdout and stderr instead
   */
  static async command(
    environment: Readonly<Record<string, string>> = {},
    checkout = checkoutAt(),
    output: 'pipe' | number = 'pipe',
  ): Promise<{ server: ServerProcess; log: Readable | null }> {
    const port = await freePort()
    const child = fork(fileURLToPath(checkout.command), [], {
      execArgv: [...execArgv, '--import', script('command-probe.js').href],
      env: {
        PATH: process.env['PATH'],
        PORT: String(port),
        HOST: '127.0.0.1',
        LOG_FORMAT: 'json',
        ...environment,
      },
      stdio: ['ignore', output, output, 'ipc'],
    })
    const server = new ServerProcess(child, port, checkout)
    const until = Date.now() + startTime
    const url = `http://127.0.0.1:${port}/healthz`
    const asked = () => fetch(url, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined)
    while (!(await asked())?.ok) {
      if (!server.alive || Date.now() > until) {
        await server.stop()
        throw new Error(`The command does not start.\n${server.faults.join('\n')}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return { server, log: child.stdout }
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
