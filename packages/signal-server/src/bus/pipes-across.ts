import type { EndpointContext } from '../endpoint.js'
import type { Instances } from './instances.js'
import { RemoteLeg } from './remote-leg.js'

/** The halves of pipes that other instances have. */
export class PipesAcross {
  readonly #legs = new Map<string, RemoteLeg>()
  readonly #timer: NodeJS.Timeout

  constructor(
    private readonly instances: Instances,
    private readonly context: EndpointContext,
  ) {
    for (const kind of ['data', 'close', 'ack', 'end', 'probe', 'gone'] as const) {
      instances.on(kind, (message) => {
        const leg = this.#legs.get(message.pipe)
        if (leg?.instance === message.instance) leg.receive(message)
        else if (kind !== 'gone' && kind !== 'end' && kind !== 'ack') {
          instances.send(message.instance, { t: 'gone', pipe: message.pipe })
        }
      })
    }
    instances.onDeath((instance) => {
      for (const leg of [...this.#legs.values()]) if (leg.instance === instance) leg.died()
    })
    this.#timer = setInterval(() => {
      for (const leg of [...this.#legs.values()]) leg.beat()
    }, 1_000)
    this.#timer.unref()
  }

  get size(): number {
    return this.#legs.size
  }

  /** The other half of a pipe that two instances have agreed on. */
  open(pipe: string, instance: string): RemoteLeg {
    const leg = new RemoteLeg(pipe, instance, this.instances, this.context, () => {
      this.#legs.delete(pipe)
    })
    this.#legs.set(pipe, leg)
    return leg
  }

  close(): void {
    clearInterval(this.#timer)
    for (const leg of [...this.#legs.values()]) leg.destroy()
  }
}
