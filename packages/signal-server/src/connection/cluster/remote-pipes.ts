import type { EndpointContext } from '../../endpoint.js'
import { Windows } from './credit.js'
import type { Instances } from '../../cluster/instances.js'
import { RemoteEnd } from './remote-end.js'
import type { Probe } from '../../cluster/wire.js'

const beatInterval = 1_000
// a pipe that was quiet for so long is asked about
const probeInterval = 3_000
// so many in one message, of some 50 bytes each
const probesAMessage = 500

/** The remote ends of pipes. */
export class RemotePipes {
  readonly #ends = new Map<string, RemoteEnd>()
  readonly #windows: Windows
  readonly #timers: readonly NodeJS.Timeout[]

  constructor(
    private readonly instances: Instances,
    context: EndpointContext,
  ) {
    this.#windows = new Windows(context.budget)
    for (const kind of ['data', 'close', 'ack', 'end', 'gone'] as const) {
      instances.on(kind, (message) => {
        const remoteEnd = this.#endOf(message.pipe, message.instance)
        if (remoteEnd) remoteEnd.receive(message)
        else if (kind === 'data' || kind === 'close') this.#gone(message.pipe, message.instance)
      })
    }
    instances.on('probe', ({ pipes, instance }) => {
      for (const probe of pipes) {
        const remoteEnd = this.#endOf(probe[0], instance)
        if (remoteEnd) remoteEnd.probed(probe)
        else this.#gone(probe[0], instance)
      }
    })
    instances.onDeath((instance) => {
      for (const remoteEnd of [...this.#ends.values()])
        if (remoteEnd.instance === instance) remoteEnd.died()
    })
    const beat = () => {
      for (const remoteEnd of [...this.#ends.values()]) remoteEnd.beat()
    }
    this.#timers = [
      setInterval(beat, beatInterval),
      setInterval(() => this.#probe(), probeInterval),
    ]
    for (const timer of this.#timers) timer.unref()
  }

  get size(): number {
    return this.#ends.size
  }

  /** The remote end of a pipe that two instances have agreed on. */
  open(pipe: string, instance: string): RemoteEnd {
    const remoteEnd = new RemoteEnd(pipe, instance, this.instances, this.#windows, () => {
      this.#ends.delete(pipe)
    })
    this.#ends.set(pipe, remoteEnd)
    return remoteEnd
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
    for (const remoteEnd of [...this.#ends.values()]) remoteEnd.destroy()
  }

  #endOf(pipe: string, instance: string): RemoteEnd | undefined {
    const remoteEnd = this.#ends.get(pipe)
    return remoteEnd?.instance === instance ? remoteEnd : undefined
  }

  #gone(pipe: string, instance: string): void {
    this.instances.send(instance, { t: 'gone', pipe })
  }

  /** Tells each other instance of the quiet pipes that both have, many in one message. */
  #probe(): void {
    const byInstance = new Map<string, Probe[]>()
    for (const remoteEnd of this.#ends.values()) {
      const probe = remoteEnd.takeProbe()
      if (!probe) continue
      const probes = byInstance.get(remoteEnd.instance)
      if (probes) probes.push(probe)
      else byInstance.set(remoteEnd.instance, [probe])
    }
    for (const [instance, probes] of byInstance) {
      while (probes.length > 0) {
        this.instances.send(instance, { t: 'probe', pipes: probes.splice(0, probesAMessage) })
      }
    }
  }
}
