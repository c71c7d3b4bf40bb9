import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'

const cores = availableParallelism()

/** Server and load get a core each, where there are two and `taskset` can bind to them. */
export const pinned = cores >= 2 && existsSync('/usr/bin/taskset')

/** For processes that the kernel may put wherever it likes. */
export const anyCore = `0-${cores - 1}`

const running = new Set<ChildProcessWithoutNullStreams>()
process.on('exit', () => running.forEach((child) => child.kill()))

/** A Node process of the benchmark's own that answers in lines of JSON, and is always ended. */
export class Child {
  readonly #process: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string, undefined>
  #errors = ''
  #ending = false

  /** @param onCores - in the words of `taskset`; those of this process where left out */
  constructor(nodeArguments: readonly string[], onCores?: string) {
    const command = pinned && onCores !== undefined ? ['taskset', '-c', onCores] : []
    const [file, ...rest] = [...command, process.execPath, ...nodeArguments]
    this.#process = spawn(file!, rest, { stdio: 'pipe' })
    running.add(this.#process)
    // Its input may be gone a moment before it is known to have ended.
    this.#process.stdin.on('error', () => this.#process.kill())
    this.#process.on('exit', () => running.delete(this.#process))
    this.#lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]()
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-4000)
    })
  }

  /** How it ended although nobody asked it to, if it did. */
  get died(): string | undefined {
    const { exitCode, signalCode } = this.#process
    if (this.#ending || (exitCode === null && signalCode === null)) return undefined
    return `the process died (${signalCode ?? exitCode})`
  }

  /** What it wrote to its standard error: the line that names an error, or else the last. */
  get #complaint(): string {
    const lines = this.#errors.trim().split('\n')
    return lines.findLast((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1)!
  }

  /** Its next line of JSON. Rejects when it ends first, or after the given time. */
  async answer<Answer>(withinSeconds: number): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`no answer within ${withinSeconds} s`)),
        withinSeconds * 1000,
      )
    })
    try {
      const line = await Promise.race([this.#lines.next(), late])
      if (line.value === undefined) throw new Error(`the process ended: ${this.#complaint}`)
      return JSON.parse(line.value) as Answer
    } finally {
      clearTimeout(timer)
    }
  }

  /** Ends it: asked first, by the end of its input, and killed after a second. */
  async end(): Promise<void> {
    const { exitCode, signalCode } = this.#process
    if (exitCode !== null || signalCode !== null) return
    this.#ending = true
    const gone = once(this.#process, 'exit')
    this.#process.stdin.end()
    const timer = setTimeout(() => this.#process.kill(), 1000)
    await gone
    clearTimeout(timer)
  }
}
