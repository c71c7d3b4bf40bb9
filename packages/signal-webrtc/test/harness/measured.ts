import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { within } from '../../../signal-server/test/harness/arrivals.js'

const script = fileURLToPath(new URL('serve-turns.mjs', import.meta.url))

/** A built server in a process of its own, whose turns are measured. */
export async function measured() {
  const child = fork(script)
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const [{ port }] = (await within(once(child, 'message'), 'a server')) as [{ port: number }]
  /** CPU time of the main thread in its longest turn since the last question, in milliseconds. */
  const longestTurn = async () => {
    child.send('')
    const [{ longest }] = (await within(once(child, 'message'), 'an answer', 60_000)) as [
      { longest: number },
    ]
    return longest
  }
  return { port, longestTurn }
}
