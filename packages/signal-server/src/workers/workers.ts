import { fork, type ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Bus } from '../bus/bus.js'
import { log } from '../log.js'
import { listenError } from '../listen-error.js'
import { listeningUrl } from '../listening-url.js'
import { mountPath } from '../path.js'
import { aliveInterval, workerVariable, type WorkerMessage } from './messages.js'
import { routeOf } from './route.js'
import { TopicSwitch } from './topic-switch.js'
import { WorkerBus } from './worker-bus.js'

/** How many processes serve one port, and what they run. */
export interface WorkersOptions {
  /** Number of processes. */
  count: number
  /** The script that each runs; it calls {@link Worker.current}. */
  script: string
  /** Its arguments. @default none */
  args?: readonly string[]
  port: number
  /** @default all interfaces */
  host?: string
  /** Below which everything is, such as `/signal`. @default the root */
  mount?: string
  /** Whether the workers speak TLS, so that only they can read what a socket asks for. */
  tls?: boolean
  /**
   * Milliseconds of silence after which a worker is taken for stuck, and is replaced within 2 s more.
   * Each says every 2 s that it is not.
   * @default 30000
   */
  stuckAfter?: number
}

/** What {@link Workers} tell. */
export interface WorkersEvents {
  /** A process has ended that was not told to: another one takes its place. */
  replaced: [{ number: number; pid: number | undefined; why: string }]
}

const maxHead = 16 * 1024
const headTime = 5_000
const restTime = 1_000
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
  readonly #server: Server
  readonly #slots: Slot[] = []
  readonly #mount: string
  /** How often it is looked at a silent worker until it is taken for stuck. */
  readonly #silentLooks: number
  readonly #switch: TopicSwitch<ChildProcess | WorkerBus>
  #watch: NodeJS.Timeout | undefined
  #next = 0
  #stopping = false
  #whenReady: () => void = () => {}
  #whenStopped: () => void = () => {}

  /** @throws TypeError where the mount is no path */
  constructor(private readonly options: WorkersOptions) {
    super()
    this.#mount = mountPath(options.mount ?? '')
    // looks are counted, and not time, for this process may have stood still as well
    this.#silentLooks = 1 + Math.ceil((options.stuckAfter ?? stuckAfter) / aliveInterval)
    const bus: WorkerBus = new WorkerBus((message) => this.#switch.receive(bus, message))
    this.bus = bus
    this.#switch = new TopicSwitch((member, message) => {
      if (member instanceof WorkerBus) member.receive(message)
      else tell(member, message)
    })
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
      this.#server.once('error', (error) => reject(listenError(error, port)))
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

  /** Process ids, by number. */
  get pids(): (number | undefined)[] {
    return this.#slots.map((slot) => slot.process.pid)
  }

  /**
   * Tells the workers to stop, and resolves when every one has ended by itself. Whoever comes
   * meanwhile is served by one of those that are there still, and told that the server drains.
   */
  async stop(): Promise<void> {
    this.#stopping = true
    const ended = new Promise<void>((resolve) => (this.#whenStopped = resolve))
    for (const { process } of this.#slots) tell(process, { t: 'stop' })
    if (!this.#allEnded) await ended
    clearInterval(this.#watch)
    this.#server.close()
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
    child.on('message', (message: WorkerMessage) => {
      slot.silent = 0
      if (message.t === 'ready') this.#ready(slot)
      else this.#switch.receive(child, message)
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

  /** Ends workers that say nothing any more, or never did; their end replaces them. */
  #endStuck(): void {
    for (const [number, slot] of this.#slots.entries()) {
      if (hasEnded(slot) || ++slot.silent < this.#silentLooks) continue
      log.server('worker %d is stuck: it is ended', number)
      slot.process.kill('SIGKILL')
    }
  }

  #ended(number: number, port: number, why: string): void {
    const { process: child, waiting, startedAt } = this.#slots[number]!
    this.#slots[number]!.ready = false
    this.#switch.forget(child)
    if (this.#stopping) {
      for (const { socket } of waiting) socket.destroy()
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
    if (this.options.tls) return this.#give(socket, Buffer.alloc(0), 'any')
    let head = Buffer.alloc(0)
    const late = setTimeout(() => {
      socket.end('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n')
      socket.destroySoon()
    }, headTime)
    const read = () => {
      const chunk = socket.read() as Buffer | null
      if (!chunk) return
      head = Buffer.concat([head, chunk])
      const route = head.length > maxHead ? 'any' : routeOf(head, this.#mount)
      if (route === 'unknown') return
      clearTimeout(late)
      socket.off('readable', read)
      stopReading(socket)
      this.#give(socket, head, route)
    }
    socket.on('readable', read)
    socket.on('end', () => socket.destroy())
    socket.on('close', () => clearTimeout(late))
  }

  #give(socket: Socket, head: Buffer, route: number | 'any'): void {
    const number = route === 'any' ? this.#next++ : route
    const slot = this.#slots[number % this.#slots.length]!
    // one that has drained already is not replaced, and any other gives the same answer
    const left = this.#stopping && !slot.ready && this.#slots.find(({ ready }) => ready)
    this.#hand(left || slot, socket, head)
  }

  #hand(slot: Slot, socket: Socket, head: Buffer): void {
    if (slot.ready) {
      slot.process.send({ t: 'socket', head } satisfies WorkerMessage, socket, (error) => {
        if (error) socket.destroy()
      })
    } else if (slot.waiting.length < maxWaiting && !this.#stopping) {
      slot.waiting.push({ socket, head })
    } else {
      socket.destroy()
    }
  }
}

const hasEnded = ({ process }: Slot) => process.exitCode !== null || process.signalCode !== null

/**
 * What comes while a socket is on its way is the worker's: read here, it would be lost. There is no
 * documented way to stop at once.
 */
function stopReading(socket: Socket): void {
  socket.pause()
  const { _handle: handle } = socket as {
    _handle?: { reading?: boolean; readStop?(): void } | null
  }
  if (!handle?.readStop) return
  handle.reading = false
  handle.readStop()
}

function tell(child: ChildProcess, message: WorkerMessage): void {
  if (child.connected) child.send(message)
}
