import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Bus } from '../bus/bus.js'
import { ArrivingBatches } from './arriving-batches.js'
import { Lane } from './lane.js'
import { aliveInterval, workerVariable, type WorkerMessage } from './messages.js'
import { WorkerBus } from './worker-bus.js'

/** What a process that {@link Workers} has started works with. */
export class Worker {
  /** Joins it with the other workers. */
  readonly bus: Bus
  /**
   * Resolves when this process has to end: the primary says so, or is gone. Without it nobody brings
   * sockets or starts a replacement. Drain and close the server, then exit.
   */
  readonly stopped: Promise<void>
  readonly #lane = new Lane(send)
  readonly #bus = new WorkerBus(this.#lane)
  readonly #arriving = new ArrivingBatches<undefined>({
    carryOut: (_primary, operation) => {
      if (operation.t === 'publish') this.#bus.receive(operation.topic, operation.message)
    },
    done: () => send({ t: 'done' }),
  })
  #server: Server | undefined
  #left: Promise<void> | undefined
  #whenLeft: () => void = () => {}

  private constructor(
    /** Counted from 0; a replacement has the number of the one that it replaces. */
    readonly number: number,
    /** The port that the primary listens on. */
    readonly port: number,
  ) {
    this.bus = this.#bus
    this.stopped = new Promise((resolve) => {
      process.on('message', (message: WorkerMessage, socket?: Socket) => {
        if (message.t === 'stop') resolve()
        else if (message.t === 'socket') this.#serve(socket, message.head)
        else if (message.t === 'leave') this.#whenLeft()
        else if (message.t === 'batch') this.#arriving.add(undefined, message)
        else if (message.t === 'done') this.#lane.acknowledged()
      })
      const gone = () => {
        this.#whenLeft()
        resolve()
      }
      process.once('disconnect', gone)
      if (!process.connected) gone()
    })
    setInterval(() => send({ t: 'alive' }), aliveInterval).unref()
    // the others hear at once that it is gone
    process.on('exit', () => this.#lane.sendAll())
  }

  /** This process as a worker; undefined where it was started by somebody else. */
  static current(): Worker | undefined {
    const [number, port] = (process.env[workerVariable] ?? '').split(':').map(Number)
    if (number === undefined || port === undefined || !process.send) return undefined
    return new Worker(number, port)
  }

  /** Gives a server, which does not listen itself, the sockets that the primary accepts. */
  feed(server: Server): void {
    this.#server = server
    // from here on Node looks whether requests keep to their time limits
    server.emit('listening')
    send({ t: 'ready' })
  }

  /** Resolves when the primary hands no more sockets to this process. */
  leave(): Promise<void> {
    return (this.#left ??= new Promise((resolve) => {
      if (!process.connected) return resolve()
      this.#whenLeft = resolve
      send({ t: 'leave' })
    }))
  }

  #serve(socket: Socket | undefined, head: Uint8Array): void {
    // the client may have gone while its socket travelled
    if (!socket) return
    if (!this.#server) return void socket.destroy()
    if (head.length > 0) socket.unshift(Buffer.from(head))
    this.#server.emit('connection', socket)
  }
}

function send(message: WorkerMessage): void {
  // a primary that is gone ends this process by 'disconnect', and not by an error of this
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}
