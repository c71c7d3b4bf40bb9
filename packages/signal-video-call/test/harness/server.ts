import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { eventually } from '../../../signal-server/test/harness/arrivals.js'

/** The example as users start it. */
export interface Server {
  /** Of the page. */
  url: string
  end(): Promise<void>
}

export async function serve(): Promise<Server> {
  const script = fileURLToPath(new URL('../../dist/server.js', import.meta.url))
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const listening = /Video calls at (http:\S+)/
  await eventually(() => listening.test(output), 'the line that it listens')
  return {
    url: listening.exec(output)![1]!,
    end: async () => {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}
