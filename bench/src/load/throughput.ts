import { startMeasuring } from '../measure.js'
import { hasFrames, type Target } from './load-socket.js'
import type { Metrics } from './metrics.js'
import { elapse, openPairs, type Pair } from './pairs.js'

/** What is handed to the kernel at once, at least: many small messages, or one large one. */
const batchBytes = 256 * 1024

/** A pair whose `a` writes as fast as it is taken, while `b` counts what arrives. */
class Stream {
  readonly #batch: Buffer
  readonly #arriving: number
  #sent = 0
  #running = true

  constructor(
    readonly pair: Pair,
    bytes: number,
  ) {
    const frames = Math.max(1, Math.floor(batchBytes / bytes))
    this.#batch = Buffer.concat(Array.from({ length: frames }, () => pair.fromA(bytes)))
    this.#arriving = frames * pair.arriving(bytes)
    pair.a.socket.on('drain', () => this.#pump())
    if (pair.ahead < Infinity) pair.b.onBytes = () => this.#pump()
    this.#pump()
  }

  /** Stops, and resolves when everything that was sent has arrived. */
  async end(): Promise<void> {
    this.#running = false
    await this.pair.b.arrival(this.#sent, 'the rest of the messages')
  }

  #pump(): void {
    const { a, b, ahead } = this.pair
    while (this.#running && !a.socket.writableNeedDrain && this.#sent - b.received < ahead) {
      this.#sent += this.#arriving
      a.write(this.#batch)
    }
  }
}

/** One pair or several, each in one direction. */
export async function throughput(
  target: Target,
  {
    bytes,
    seconds,
    warmUp,
    pairs = 1,
  }: { bytes: number; seconds: number; warmUp: number; pairs?: number },
): Promise<Metrics> {
  const opened = await openPairs(target, pairs)
  const broken = new Promise<never>((_, reject) => {
    for (const { a, b } of opened) a.onClose = b.onClose = (reason) => reject(new Error(reason))
  })
  // some may wait long enough to be asked whether they read; to look for that among millions of small
  // frames would slow the load
  if ((pairs > 1 || bytes >= 1024) && hasFrames(target)) for (const { b } of opened) b.answerPings()
  const streams = opened.map((pair) => new Stream(pair, bytes))
  const received = () => opened.reduce((sum, { b }) => sum + b.received, 0)
  await Promise.race([broken, elapse(warmUp)])
  const cost = startMeasuring(target.pids)
  const before = received()
  await Promise.race([broken, elapse(seconds)])
  const arrived = received() - before
  const { seconds: wall, serverCpu, serverBusy, loadBusy } = cost()
  await Promise.all(streams.map((stream) => stream.end()))
  const messages = arrived / opened[0]!.arriving(bytes)
  return {
    messagesPerSecond: messages / wall,
    microsecondsPerMessage: (serverCpu / messages) * 1e6,
    bytesPerSecond: (messages * bytes) / wall,
    secondsPerGigabyte: serverCpu / ((messages * bytes) / 1e9),
    serverBusy,
    loadBusy,
  }
}
