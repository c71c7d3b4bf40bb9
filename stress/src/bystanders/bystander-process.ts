import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { from, type Ends } from '../target.js'
import type { Welcome } from './newcomers.js'

/** What the bystanders noticed since they were asked last. */
export interface Waits {
  /** The longest that one has waited, in ms, by endpoint. */
  waits: Record<string, number>
  faults: string[]
}

interface FromBystanders extends Partial<Waits> {
  met?: true
  welcomes?: Record<string, Welcome>
}

const script = fileURLToPath(new URL('../../dist/bystanders/main.js', import.meta.url))
const answerTime = 180_000

/** Bystanders and newcomers of one server, in a process of their own. */
export class BystanderProcess {
  private constructor(private readonly child: ChildProcess) {}

  /**
   * @param addresses - whether a proxy tells the address of each client
   * @throws Error if they cannot meet
   */
  static async start([one, other]: Ends, addresses = true): Promise<BystanderProcess> {
    const at = (address: string): Ends =>
      addresses ? [from(one, address), from(other, address)] : [one, other]
    const ends = { bystanders: at('198.51.100.1'), newcomers: at('198.51.100.2') }
    const child = fork(script, [JSON.stringify(ends)])
    const process = new BystanderProcess(child)
    await process.#answer(({ met }) => met)
    return process
  }

  async waits(): Promise<Waits> {
    this.child.send('waits')
    return this.#answer(({ waits, faults }) => waits && { waits, faults: faults ?? [] })
  }

  async newcomers(): Promise<Record<string, Welcome>> {
    this.child.send('newcomers')
    return this.#answer(({ welcomes }) => welcomes)
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const exited = once(this.child, 'exit')
    this.child.kill()
    await exited
  }

  async #answer<T>(pick: (message: FromBystanders) => T | undefined): Promise<T> {
    const ended = new AbortController()
    const timer = setTimeout(() => ended.abort(), answerTime)
    const died = () => ended.abort()
    this.child.once('exit', died)
    try {
      for (;;) {
        const [message] = (await once(this.child, 'message', { signal: ended.signal })) as [
          FromBystanders,
        ]
        const picked = pick(message)
        if (picked !== undefined) return picked
      }
    } catch {
      throw new Error('The bystanders could not meet, or have ended.')
    } finally {
      clearTimeout(timer)
      this.child.off('exit', died)
    }
  }
}
