import { fork, type ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Bus } from '../bus/bus.js'
import { log } from '../log.js'
import { listenError } from '../listen-error.js'
import { listeningUrl } from '../listening-url.js'
import { mountPath } from '../upgrade/path.js'
import { aliveInterval, workerVariable, type WorkerMessage } from './messages.js'
import type { WorkersEvents, WorkersOptions } from './options.js'
import { PendingSockets } from './pending-sockets.js'
import { PrimaryBus } from './primary-bus.js'
import { RequestLines } from './request-lines.js'

const restTime = 1_000
// a client that has connected already has so long for its request line once nothing listens
const lastRequestTimeout = 1_000
const maxWaiting = 1_000
// a busy machine, or a long collection of garbage, must not cost a worker its pipes
const stuckAfter = 30_000

interface Slot {
  process: ChildProcess
  ready: boolean
  startedAt: number
  /** Looks at it since it was last heard. */
  silent: number
  /** Sockets that came while it was not ready. */
  waiting: { socket: Socket; head: Buffer }[]
}

/**
 * Several processes on one port: this one accepts, reads the request line, and hands each socket to
 * the worker where it belongs. A worker that dies takes its own sockets with it and is replaced.
 */
export class Workers extends EventEmitter<WorkersEvents> {
  /** Joins this process with the workers, beside what they tell each other. */
  readonly bus: Bus
  readonly #bus = new PrimaryBus<ChildProcess>(tell)
  readonly #server: Server
  readonly #slots: Slot[] = []
  readonly #pending = new PendingSockets()
  readonly #requestLines: RequestLines
  readonly #mount: string
  /** How often it is looked at a silent worker until it is taken for stuck. */
  readonly #silentLooks: number
  #watch: NodeJS.Timeout | undefined
  #next = 0
  #stopping = false
  #whenReady: () => void = () => {}
  #whenStopped: () => void = () => {}
  #closed: Promise<void> | undefined

  /** @throws TypeError where the mount is no path */
  constructor(private readonly options: WorkersOptions) {
    super()
    this.bus = this.#bus.own
    this.#mount = mountPath(options.mount ?? '')
    this.#requestLines = new RequestLines(this.#mount, (...routed) => this.#give(...routed))
    // looks are counted, and not time, for this process may have stood still as well
    this.#silentLooks = 1 + Math.ceil((options.stuckAfter ?? stuckAfter) / aliveInterval)
    // a mark of one byte: after each read the socket rests, so that nothing is read here which
    // would be lost when it is handed on
    // of a socket that it cannot understand nothing is read at all
    const pauseOnConnect = options.tls === true
    const reading = { allowHalfOpen: true, highWaterMark: 1, pauseOnConnect }
    this.#server = createServer(reading, (socket) => this.#accept(socket))
  }

  /**
   * Listens, starts the workers, and resolves when all of them can serve.
   * @throws Error with a sentence that says what to do; its `code` is the system's
   */
  async start(): Promise<{ url: string; port: number }> {
    const { count, port, host, tls = false } = this.options
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => reject(listenError(error, `port ${port}`)))
      this.#server.listen(port, host, resolve)
    })
    this.#server.on('error', (error) => log.server('%s', error.message))
    const { port: actual } = this.#server.address() as AddressInfo
    const ready = new Promise<void>((resolve) => (this.#whenReady = resolve))
    for (let number = 0; number < count; number++) this.#fork(number, actual, [])
    this.#watch = setInterval(() => this.#endStuck(), aliveInterval)
    await ready
    return { url: listeningUrl({ host, port: actual, path: this.#mount, tls }), port: actual }
  }

  /** Process ids, by number; undefined for a worker that has ended and is not replaced yet. */
  get pids(): (number | undefined)[] {
    return this.#slots.map((slot) => (hasEnded(slot) ? undefined : slot.process.pid))
  }

  /**
   * Tells the workers to stop, and resolves when every one has ended by itself. Meanwhile each request
   * is answered by one of the workers that are left; the port is closed before the last one ends.
   */
  async stop(): Promise<void> {
    this.#stopping = true
    const ended = new Promise<void>((resolve) => (this.#whenStopped = resolve))
    for (const slot of this.#slots) {
      if (hasEnded(slot)) this.#giveBack(slot)
      else tell(slot.process, { t: 'stop' })
    }
    if (!this.#allEnded) await ended
    clearInterval(this.#watch)
    await this.#close()
  }

  get #allEnded(): boolean {
    return this.#slots.every(hasEnded)
  }

  #fork(number: number, port: number, waiting: Slot['waiting']): void {
    const child = fork(this.options.script, this.options.args ?? [], {
      env: { ...process.env, [workerVariable]: `${number}:${port}` },
      serialization: 'advanced',
    })
    const startedAt = Date.now()
    const slot: Slot = { process: child, ready: false, startedAt, silent: 0, waiting }
    this.#slots[number] = slot
    this.#bus.join(child)
    child.on('message', (message: WorkerMessage) => {
      slot.silent = 0
      if (message.t === 'ready') this.#ready(slot)
      else if (message.t === 'leave') void this.#leave(slot)
      else if (message.t === 'batch' || message.t === 'done') this.#bus.receive(child, message)
    })
    child.on('error', (error) => log.server('worker %d: %s', number, error.message))
    child.on('exit', (code, signal) => this.#ended(number, port, signal ?? `exit code ${code}`))
    log.server('worker %d is process %d', number, child.pid)
  }

  #ready(slot: Slot): void {
    slot.ready = true
    for (const { socket, head } of slot.waiting.splice(0)) this.#hand(slot, socket, head)
    if (this.#slots.every(({ ready }) => ready)) this.#whenReady()
  }

  /** Takes a worker off the port; after the answer no socket is on its way to it. */
  async #leave(slot: Slot): Promise<void> {
    const others = this.#slots.some((other) => other !== slot && other.ready)
    if (this.#stopping && !others) await this.#close()
    slot.ready = false
    tell(slot.process, { t: 'leave' })
  }

  /** Stops listening, and hands on the requests of those who are connected already. */
  #close(): Promise<void> {
    const close = async () => {
      // what the system has accepted comes within one turn of the event loop
      for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve))
      this.#server.close()
      await this.#requestLines.settle(lastRequestTimeout)
    }
    return (this.#closed ??= close())
  }

  /** Ends workers that say nothing any more, or never did; their end replaces them. */
  #endStuck(): void {
    for (const [number, slot] of this.#slots.entries()) {
      if (hasEnded(slot) || ++slot.silent < this.#silentLooks) continue
      log.server('worker %d is stuck: it is ended', number)
      slot.process.kill('SIGKILL')
    }
  }

  #ended(number: number, port: number, why: string): void {
    const slot = this.#slots[number]!
    const { process: child, waiting, startedAt } = slot
    slot.ready = false
    this.#bus.forget(child)
    if (this.#stopping) {
      this.#giveBack(slot)
      if (this.#allEnded) this.#whenStopped()
      return
    }
    log.server('worker %d has ended (%s): it is replaced', number, why)
    this.emit('replaced', { number, pid: child.pid, why })
    // one that cannot start must not be started without pause
    const rest = Date.now() - startedAt < restTime ? restTime : 0
    setTimeout(() => {
      if (!this.#stopping) this.#fork(number, port, waiting)
    }, rest)
  }

  #accept(socket: Socket): void {
    socket.on('error', () => socket.destroy())
    if (!this.#pending.add(socket)) return void socket.destroy()
    if (this.options.tls) this.#give(socket, Buffer.alloc(0), 'any')
    else this.#requestLines.read(socket)
  }

  #give(socket: Socket, head: Buffer, route: number | 'any'): void {
    const number = route === 'any' ? this.#next++ : route
    const slot = this.#slots[number % this.#slots.length]!
    // one that has drained already is not replaced, and any other gives the same answer
    const left = this.#stopping && !slot.ready && this.#slots.find(({ ready }) => ready)
    this.#hand(left || slot, socket, head)
  }

  /** Brings what waited for a worker that is not replaced to another one. */
  #giveBack({ waiting }: Slot): void {
    for (const { socket, head } of waiting.splice(0)) this.#give(socket, head, 'any')
  }

  #hand(slot: Slot, socket: Socket, head: Buffer): void {
    if (slot.ready) {
      this.#pending.remove(socket)
      slot.process.send({ t: 'socket', head } satisfies WorkerMessage, socket, (error) => {
        if (error) socket.destroy()
      })
    } else if (slot.waiting.length < maxWaiting && !(this.#stopping && hasEnded(slot))) {
      slot.waiting.push({ socket, head })
    } else {
      this.#refuse(socket)
    }
  }

  /** Answers with 503 where no worker can; of TLS nothing can be said here. */
  #refuse(socket: Socket): void {
    if (this.options.tls) return void socket.destroy()
    // what is unread when a socket closes resets it, and the answer is lost
    socket.resume()
    socket.end(
      'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
    )
    socket.setTimeout(lastRequestTimeout, () => socket.destroy())
  }
}

const hasEnded = ({ process }: Slot) => process.exitCode !== null || process.signalCode !== null

function tell(child: ChildProcess, message: WorkerMessage): void {
  if (child.connected) child.send(message)
}
