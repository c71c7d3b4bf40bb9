import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { eventually } from '../../../signal-server/test/harness/arrivals.js'

/** Whether redis-server is installed; in CI it has to be. */
export const hasEngine = (() => {
  const { status } = spawnSync('redis-server', ['--version'], { stdio: 'ignore' })
  if (status !== 0 && process.env.CI) throw new Error('redis-server is not installed')
  return status === 0
})()

/** Named where tests are left out. */
export const withoutEngine = hasEngine ? '' : ' (left out: redis-server is not installed)'

/** A Redis server of its own, on a free port, that stores nothing; gone after the test. */
export class Engine {
  #child: ChildProcess | undefined

  private constructor(
    readonly port: number,
    private readonly args: readonly string[],
  ) {}

  /**
   * @param args - further options of redis-server
   * @param atEnd - takes what is to be done when it is needed no longer
   */
  static async start(
    args: readonly string[] = [],
    port?: number,
    atEnd: (end: () => Promise<void>) => void = onTestFinished,
  ): Promise<Engine> {
    const engine = new Engine(port ?? (await freePort()), args)
    atEnd(() => engine.kill())
    await engine.run()
    return engine
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Starts it, again where it was killed, and waits until it accepts connections. */
  async run(): Promise<void> {
    const args = ['--save', '', '--appendonly', 'no', '--bind', '127.0.0.1', ...this.args]
    const port = this.args.includes('--port') ? [] : ['--port', String(this.port)]
    this.#child = spawn('redis-server', [...port, ...args], { stdio: 'ignore' })
    await eventually(() => accepts(this.port), 'redis-server to listen')
  }

  /** It answers nobody any more; its connections stay. */
  freeze(): void {
    this.#child!.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child!.kill('SIGCONT')
  }

  /** Ends it without a word. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      resolve(true)
      socket.destroy()
    })
    socket.on('error', () => resolve(false))
  })
}

/** Three engines that are one Redis Cluster; gone after the test. */
export async function startCluster(): Promise<Engine[]> {
  const folder = mkdtempSync(join(tmpdir(), 'signal-redis-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const engines: Engine[] = []
  for (let number = 0; number < 3; number++) {
    const port = await clusterPort()
    const place = join(folder, String(number))
    mkdirSync(place)
    const cluster = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000']
    engines.push(await Engine.start([...cluster, '--dir', place], port))
  }
  const addresses = engines.map(({ port }) => `127.0.0.1:${port}`)
  const args = ['--cluster', 'create', ...addresses, '--cluster-yes']
  const { status, stdout } = spawnSync('redis-cli', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`no cluster: ${stdout}`)
  return engines
}

/** A free port whose partner for the cluster's own traffic, 10,000 above, is in range. */
async function clusterPort(): Promise<number> {
  for (;;) {
    const port = await freePort()
    if (port < 55_000) return port
  }
}
