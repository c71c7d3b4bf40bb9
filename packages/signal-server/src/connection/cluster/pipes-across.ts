import type { EndpointContext } from '../../endpoint.js'
import { Windows } from './credit.js'
import type { Instances } from '../../cluster/instances.js'
import { RemoteLeg } from './remote-leg.js'
import type { Probe } from '../../cluster/wire.js'

const beatInterval = 1_000
// a pipe that was quiet for so long is asked about
const probeInterval = 3_000
// so many in one message, of some 50 bytes each
const probesAMessage = 500

/** The halves of pipes that other instances have. */
export class PipesAcross {
  readonly #legs = new Map<string, RemoteLeg>()
  readonly #windows: Windows
  readonly #timers: readonly NodeJS.Timeout[]

  constructor(
    private readonly instances: Instances,
    context: EndpointContext,
  ) {
    this.#windows = new Windows(context.budget)
    for (const kind of ['data', 'close', 'ack', 'end', 'gone'] as const) {
      instances.on(kind, (message) => {
        const leg = this.#legOf(message.pipe, message.instance)
        if (leg) leg.receive(message)
        else if (kind === 'data' || kind === 'close') this.#gone(message.pipe, message.instance)
      })
    }
    instances.on('probe', ({ pipes, instance }) => {
      for (const probe of pipes) {
        const leg = this.#legOf(probe[0], instance)
        if (leg) leg.probed(probe)
        else this.#gone(probe[0], instance)
      }
    })
    instances.onDeath((instance) => {
      for (const leg of [...this.#legs.values()]) if (leg.instance === instance) leg.died()
    })
    const beat = () => {
      for (const leg of [...this.#legs.values()]) leg.beat()
    }
    this.#timers = [
      setInterval(beat, beatInterval),
      setInterval(() => this.#probe(), probeInterval),
    ]
    for (const timer of this.#timers) timer.unref()
  }

  get size(): number {
    return this.#legs.size
  }

  /** The other half of a pipe that two instances have agreed on. */
  open(pipe: string, instance: string): RemoteLeg {
    const leg = new RemoteLeg(pipe, instance, this.instances, this.#windows, () => {
      this.#legs.delete(pipe)
    })
    this.#legs.set(pipe, leg)
    return leg
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
    for (const leg of [...this.#legs.values()]) leg.destroy()
  }

  #legOf(pipe: string, instance: string): RemoteLeg | undefined {
    const leg = this.#legs.get(pipe)
    return leg?.instance === instance ? leg : undefined
  }

  #gone(pipe: string, instance: string): void {
    this.instances.send(instance, { t: 'gone', pipe })
  }

  /** Tells each other instance of the quiet pipes that both have, many in one message. */
  #probe(): void {
    const byInstance = new Map<string, Probe[]>()
    for (const leg of this.#legs.values()) {
      const probe = leg.takeProbe()
      if (!probe) continue
      const probes = byInstance.get(leg.instance)
      if (probes) probes.push(probe)
      else byInstance.set(leg.instance, [probe])
    }
    for (const [instance, probes] of byInstance) {
      while (probes.length > 0) {
        this.instances.send(instance, { t: 'probe', pipes: probes.splice(0, probesAMessage) })
      }
    }
  }
}
