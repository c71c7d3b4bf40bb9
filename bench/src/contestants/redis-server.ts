import { spawn, spawnSync } from 'node:child_process'
import { accepting, freePort } from '../ports.js'

/** What it calls itself, such as "Redis 7.0.15"; undefined where it is not installed. */
export function redisVersion(): string | undefined {
  const { stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' })
  const version = /v=(\S+)/.exec(stdout ?? '')?.[1]
  return version === undefined ? undefined : `Redis ${version}`
}

/** Starts one that stores nothing; it ends with this process. */
export async function startRedis(): Promise<{ port: number; pid: number }> {
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const redis = spawn('redis-server', args, { stdio: ['ignore', 'ignore', 'inherit'] })
  process.on('exit', () => redis.kill('SIGKILL'))
  process.on('SIGTERM', () => process.exit(0))
  redis.on('exit', (code) => {
    process.stderr.write(`redis-server ended with ${code}\n`)
    process.exit(1)
  })
  await accepting(port)
  return { port, pid: redis.pid! }
}
