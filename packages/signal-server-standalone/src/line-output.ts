import { writeSync } from 'node:fs'

// a reader that is slow for a moment loses nothing; one that never reads must not fill the memory
const maxQueuedBytes = 1024 * 1024
const retryInterval = 100

/**
 * Writes lines to a file descriptor, and never fails: if the reader has gone (EPIPE), the disk is full
 * (ENOSPC), or nobody reads and the queue is full (EAGAIN), the line is dropped and counted. Once
 * writing works again, one line says how many were dropped.
 */
class LineOutput {
  readonly #queue: Buffer[] = []
  #queuedBytes = 0
  #dropped = 0
  #untold = 0
  #code = ''
  #retrying = false

  /**
   * @param fd - of a pipe or socket that does not block, or of a file or terminal
   * @param notice - the line that says how many lines were dropped, and the system's last error code
   */
  constructor(
    private readonly fd: number,
    public notice: (lines: number, code: string) => string,
  ) {}

  /** Lines dropped since the start. */
  get dropped(): number {
    return this.#dropped
  }

  write(line: string | Uint8Array): void {
    this.flush()
    if (!this.#told() || !this.#take(line)) this.#drop()
  }

  /** Writes what waits, as far as the reader takes it. */
  flush(): void {
    while (this.#queue.length > 0) {
      const [first] = this.#queue
      const written = this.#attempt(first!)
      if (written === undefined && this.#code !== 'EAGAIN') return this.#dropQueue()
      this.#queuedBytes -= written ?? 0
      if (written !== first!.length) {
        this.#queue[0] = first!.subarray(written ?? 0)
        return this.#retryLater()
      }
      this.#queue.shift()
    }
  }

  /** Says how many lines were dropped; false if that cannot be written either. */
  #told(): boolean {
    if (this.#untold === 0) return true
    if (!this.#take(this.notice(this.#untold, this.#code))) return false
    this.#untold = 0
    return true
  }

  /** Writes or queues a line; false if neither is possible. */
  #take(line: string | Uint8Array): boolean {
    const bytes = typeof line === 'string' ? Buffer.from(line) : Buffer.from(line)
    const written = this.#queue.length > 0 ? 0 : this.#attempt(bytes)
    if (written === bytes.length) return true
    if (written === undefined && this.#code !== 'EAGAIN') return false
    const rest = bytes.subarray(written ?? 0)
    if (this.#queuedBytes + rest.length > maxQueuedBytes) {
      this.#code = 'EAGAIN'
      return false
    }
    this.#queue.push(rest)
    this.#queuedBytes += rest.length
    this.#retryLater()
    return true
  }

  /** Bytes that the system has taken; undefined if it took none, and `#code` says why. */
  #attempt(bytes: Buffer): number | undefined {
    try {
      return writeSync(this.fd, bytes)
    } catch (error) {
      this.#code = (error as NodeJS.ErrnoException).code ?? 'unknown'
      return undefined
    }
  }

  #dropQueue(): void {
    for (let n = this.#queue.splice(0).length; n > 0; n--) this.#drop()
    this.#queuedBytes = 0
  }

  #drop(): void {
    this.#dropped++
    this.#untold++
  }

  #retryLater(): void {
    if (this.#retrying) return
    this.#retrying = true
    setTimeout(() => {
      this.#retrying = false
      this.flush()
      if (this.#queue.length === 0) this.#told()
    }, retryInterval).unref()
  }
}

const plain = (lines: number, code: string) =>
  `signal-server: ${lines} lines could not be written (${code})\n`

/**
 * Lets everything that this process writes to a standard stream go through a {@link LineOutput}:
 * the log, and what `debug`, `console` and Node's warnings write.
 */
function guard(stream: NodeJS.WriteStream & { fd: number }): LineOutput {
  // to look at the stream is what makes Node set a pipe to not block
  const output = new LineOutput(stream.fd, plain)
  const write = (
    chunk: string | Uint8Array,
    encodingOrCallback?: BufferEncoding | (() => void),
    callback?: () => void,
  ): boolean => {
    const encoding = typeof encodingOrCallback === 'string' ? encodingOrCallback : 'utf8'
    output.write(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)
    const done = typeof encodingOrCallback === 'function' ? encodingOrCallback : callback
    if (done) process.nextTick(done)
    return true
  }
  stream.write = write
  stream.on('error', () => {})
  process.on('exit', () => output.flush())
  return output
}

let outputs: { stdout: LineOutput; stderr: LineOutput } | undefined

/** The standard streams of this process, guarded from the first call on. */
export const standardOutputs = (): { stdout: LineOutput; stderr: LineOutput } =>
  (outputs ??= { stdout: guard(process.stdout), stderr: guard(process.stderr) })
