import type { Socket } from 'engine.io'
import { TokenBucket, type EndpointContext, type Outcome, type SlicedWork } from 'signal-server'
import { connectionLife } from './connection-life.js'
import { EngineOutbox } from './engine-outbox.js'
import { Inbox, type Data } from './inbox.js'
import type { RoomsSettings } from './options.js'
import { slicePolledPackets } from './polled-packets.js'
import type { Turns } from './turns.js'

// far more than the messages of a client that is slowed down already: pongs, probes, empty packets
const packetsPerSecond = 1_000
const packetsBurst = 10_000

const done = Promise.resolve()

/**
 * A connection of engine.io, below socket.io. It is read in turns and at a rate, whatever sessions
 * of socket.io follow each other on it. It ends if it floods the server or does not read what is
 * sent to it.
 */
export class RoomConnection {
  readonly #inbox: Inbox
  readonly #outbox: EngineOutbox
  readonly #life
  #carriedOut = done
  /** Milliseconds that it has been closing. */
  #closing = 0
  /** Ends it; a session of socket.io that is told does not come back by itself. */
  disconnect: () => void

  /** @param socket - which socket.io reads already: it will be handed one packet after the other */
  constructor(
    private readonly socket: Socket,
    private readonly context: EndpointContext,
    settings: RoomsSettings,
    turns: Turns,
    work: SlicedWork,
  ) {
    const { budget } = context
    const group = context.limited(socket.request) ?? this
    this.disconnect = () => socket.close(true)
    this.#life = connectionLife(socket)
    this.#outbox = new EngineOutbox(socket, context)
    const readers = socket.listeners('data') as ((data: Data) => void)[]
    socket.removeAllListeners('data')
    this.#inbox = new Inbox(settings, settings.maxMessageBytes, turns, budget, {
      get open() {
        return socket.readyState === 'open'
      },
      group,
      read: (data) => {
        this.#carriedOut = done
        for (const read of readers) read(data)
      },
      carriedOut: () => this.#carriedOut,
    })
    // a packet of no bytes is none of socket.io
    socket.on('data', (data: Data = Buffer.alloc(0)) => {
      const wrong = this.#inbox.push(data)
      if (wrong) this.refuse(wrong)
    })
    const bucket = new TokenBucket(packetsPerSecond, packetsBurst)
    socket.on('packet', () => {
      if (bucket.spend(1) > 0) this.#end('rate_limited')
    })
    socket.on('packetCreate', () => {
      if (this.#outbox.full) this.#end('slow_reader')
    })
    socket.once('close', () => this.#inbox.close())
    if (socket.transport.name !== 'polling') return
    const mostBytes = 4 * settings.maxMessageBytes
    slicePolledPackets(socket, work, group, budget, mostBytes, () => this.#end('rate_limited'))
  }

  /** Whether so much waits to be read by it that others had better not send it more. */
  get congested(): boolean {
    return this.#outbox.congested
  }

  /** Counts bytes that its client has made the server send or look at against its rate. */
  charge(bytes: number): void {
    this.#inbox.charge(bytes)
  }

  /**
   * Lets the next packet wait until what this one asks for is carried out.
   *
   * @param memory - bytes that it takes until then
   * @param carriedOut - must not reject
   */
  carryOut(memory: number, carriedOut: Promise<void>): void {
    this.#inbox.working(memory)
    this.#carriedOut = carriedOut
  }

  /** A packet of it is wrong. */
  refuse(outcome: 'bad_message' | 'rate_limited'): void {
    this.context.outcomes.count(outcome)
    this.#inbox.close()
    this.disconnect()
    // there may be no session any more
    if (this.socket.readyState === 'open') this.socket.close(true)
  }

  /** Ends it if its client reads nothing for too long. */
  beat(elapsed: number): void {
    const { socket, context } = this
    const waits = this.#outbox.beat(elapsed)
    // engine.io would wait for the ping timeout until its client has read what it was sent
    if (socket.readyState === 'closing') this.#closing += elapsed
    if (!waits) this.#end('slow_reader')
    else if (this.#closing >= context.settings.closeTimeout) socket.close(true)
  }

  /** Resolves when the client has shown life, or was given up after 3 s of silence. */
  async prove(): Promise<void> {
    if (!(await this.#life.lives()) && this.socket.readyState === 'open') this.#end('half_open')
  }

  #end(outcome: Outcome): void {
    this.context.outcomes.count(outcome)
    this.socket.close(true)
  }
}
