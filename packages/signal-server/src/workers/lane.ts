import { Fifo } from '../fifo.js'
import { append, newBatch, type Batch, type Operation } from './operations.js'

// of one batch: a process carries them out within some milliseconds
const maxOperations = 128
const maxBytes = 256 * 1024
// enough to keep the other process busy while an acknowledgement travels
const maxUnderWay = 4
// beyond that, requests that can wait should wait
const manyOperations = 512
// more than all pipes between processes have under way
const manyBytes = 16 * 1024 * 1024
// a process that carries out nothing for so long may be stuck
const patience = 1_000

interface Waiting {
  readonly operation: Operation
  readonly done: (() => void) | undefined
}

/**
 * The way of operations to another process. Those of one turn of the event loop go as one batch,
 * and few batches are under way at a time: the other process acknowledges each when it has carried it
 * out. So the channel is short, for sockets travel on it as well, and what waits can be counted.
 */
export class Lane {
  readonly #waiting = new Fifo<Waiting>()
  readonly #underWay = new Fifo<(() => void)[]>()
  #waitingBytes = 0
  #scheduled: NodeJS.Immediate | undefined
  /** Since when the oldest batch under way has been the oldest one. */
  #oldestSince = 0
  #drained: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined

  constructor(private readonly send: (batch: Batch) => void) {}

  /** @param done - called when the other process has carried it out */
  push(operation: Operation, done?: () => void): void {
    this.#waiting.push({ operation, done })
    this.#waitingBytes += bytesOf(operation)
    this.#scheduled ??= setImmediate(() => this.#flush())
  }

  /** The other process has carried out the oldest batch under way. */
  acknowledged(): void {
    const done = this.#underWay.shift() ?? []
    this.#oldestSince = performance.now()
    this.#flush()
    for (const callback of done) callback()
  }

  /** Whether much waits. */
  get congested(): boolean {
    return this.#waiting.size > manyOperations || this.#waitingBytes > manyBytes
  }

  /** Resolves when little waits. */
  drained(): Promise<void> {
    if (!this.congested) return Promise.resolve()
    if (!this.#drained) {
      let resolve = () => {}
      const promise = new Promise<void>((resolved) => (resolve = resolved))
      this.#drained = { promise, resolve }
    }
    return this.#drained.promise
  }

  /** Whether the other process has carried out nothing for a while. */
  get stalled(): boolean {
    return this.#underWay.size > 0 && performance.now() - this.#oldestSince > patience
  }

  /** Sends everything at once, as this process ends. */
  sendAll(): void {
    while (this.#waiting.size > 0) this.#sendBatch()
  }

  #flush(): void {
    clearImmediate(this.#scheduled)
    this.#scheduled = undefined
    while (this.#waiting.size > 0 && this.#underWay.size < maxUnderWay) this.#sendBatch()
    if (!this.#drained || this.congested) return
    this.#drained.resolve()
    this.#drained = undefined
  }

  #sendBatch(): void {
    const batch = newBatch()
    const done: (() => void)[] = []
    let bytes = 0
    while (batch.topics.length < maxOperations && bytes < maxBytes) {
      const next = this.#waiting.shift()
      if (!next) break
      bytes += bytesOf(next.operation)
      append(batch, next.operation)
      if (next.done) done.push(next.done)
    }
    this.#waitingBytes -= bytes
    if (this.#underWay.size === 0) this.#oldestSince = performance.now()
    this.#underWay.push(done)
    this.send(batch)
  }
}

const bytesOf = (operation: Operation): number =>
  operation.t === 'publish' ? operation.message.length : 0
