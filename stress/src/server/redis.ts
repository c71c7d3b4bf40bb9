import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { RawClient } from '../clients/raw-client.js'
import { freePort } from './server-process.js'

const user = 'instance'
const startTime = 15_000

/** Whether there is a Redis on this machine. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0

/** A Redis on a free port, that stores nothing. */
export interface RedisProcess {
  /** What instances are given. */
  readonly url: string
  /**
   * Sends a command as its operator would.
   * @throws Error if it is not answered with OK
   */
  tell(command: string): Promise<void>
  stop(): Promise<void>
}

/**
 * Starts a Redis.
 * @param rules - what instances may do, in its access control list (ACL); `~* &* +@all` is all
 */
export async function startRedis(rules = '~* &* +@all'): Promise<RedisProcess> {
  const port = await freePort()
  const child = spawn('redis-server', ['-'], { stdio: ['pipe', 'pipe', 'ignore'] })
  child.stdin.end(`port ${port}\nbind 127.0.0.1\nsave ""\nuser ${user} on nopass ${rules}\n`)
  // a campaign that ends with an error leaves no Redis behind
  const kill = () => child.kill()
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  for (let text = ''; !text.includes('Ready to accept connections');) {
    const signal = AbortSignal.timeout(startTime)
    text += String((await once(child.stdout, 'data', { signal }))[0])
  }
  child.stdout.resume()
  return {
    url: `redis://${user}:none@127.0.0.1:${port}`,
    tell: async (command) => {
      const operator = new RawClient({ port })
      operator.write(Buffer.from(`${command}\r\n`))
      await operator.hears(/^\+OK/)
      operator.close()
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill()
      await exited
    },
  }
}
