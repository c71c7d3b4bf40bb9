import { ArrivingBatches } from './arriving-batches.js'
import { Lane } from './lane.js'
import type { WorkerMessage } from './messages.js'
import type { Batch, Operation } from './operations.js'
import { TopicSwitch } from './topic-switch.js'
import { WorkerBus } from './worker-bus.js'

// after that it is looked again whether a member that is behind is stuck
const lookAgain = 250

/**
 * The bus between processes, as the primary has it. It takes what workers publish no faster than the
 * workers that subscribe to it carry it out. It does not wait for a worker that is stuck.
 */
export class PrimaryBus<M extends object> {
  /** Joins this process with the workers. */
  readonly own: WorkerBus = new WorkerBus({
    push: (operation, done) => {
      this.#switch.receive(this.own, operation)
      done?.()
    },
    congested: false,
    drained: () => Promise.resolve(),
  })
  readonly #lanes = new Map<M, Lane>()
  readonly #switch = new TopicSwitch<M | WorkerBus>((member, operation) =>
    this.#pass(member, operation),
  )
  readonly #arriving = new ArrivingBatches<M>({
    carryOut: (from, operation) => this.#switch.receive(from, operation),
    done: (from) => this.send(from, { t: 'done' }),
    mustWait: () => this.#mustWait(),
  })
  #willLook = false

  /** @param send - to a worker */
  constructor(private readonly send: (member: M, message: WorkerMessage) => void) {}

  /** A worker is there. */
  join(member: M): void {
    this.#lanes.set(member, new Lane((batch) => this.send(member, batch)))
  }

  /** A worker is gone. */
  forget(member: M): void {
    this.#lanes.delete(member)
    this.#switch.forget(member)
    this.#arriving.resume()
  }

  receive(member: M, message: Batch | { t: 'done' }): void {
    if (message.t === 'batch') return this.#arriving.add(member, message)
    this.#lanes.get(member)?.acknowledged()
    this.#arriving.resume()
  }

  #pass(member: M | WorkerBus, operation: Operation): void {
    if (!(member instanceof WorkerBus)) this.#lanes.get(member)?.push(operation)
    else if (operation.t === 'publish') member.receive(operation.topic, operation.message)
  }

  #mustWait(): boolean {
    for (const lane of this.#lanes.values()) {
      if (!lane.congested || lane.stalled) continue
      if (!this.#willLook) setTimeout(() => this.#look(), lookAgain)
      this.#willLook = true
      return true
    }
    return false
  }

  #look(): void {
    this.#willLook = false
    this.#arriving.resume()
  }
}
