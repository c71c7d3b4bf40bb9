import type { Instances } from './instances.js'

/** Finds out on which peers of this instance others want a sign of life. */
type Prove = (app: string, id: string) => Promise<void>

// the instance of the peer waits for 3 s, after a second at most since the last time
const answerTime = 5_000

/**
 * Asks other instances whether a peer of theirs still lives, for a client that wants its id. The
 * instance that has the peer judges: a peer that is dead is told of as absent before the answer.
 */
export class Proofs {
  readonly #asked = new Map<string, { promise: Promise<void>; done: () => void }>()

  /** @param prove - resolves when a peer here has shown life or is gone; undefined if none can be asked */
  constructor(
    private readonly instances: Instances,
    private readonly endpoint: string,
    prove: Prove | undefined,
  ) {
    instances.on('prove', ({ endpoint, app, id, instance }) => {
      if (endpoint !== this.endpoint || !prove) return
      void prove(app, id).then(() => instances.send(instance, { t: 'proved', endpoint, app, id }))
    })
    instances.on('proved', ({ endpoint, app, id }) => {
      if (endpoint === this.endpoint) this.#asked.get(nameOf(app, id))?.done()
    })
  }

  /** Resolves when the instance has answered, or has not in time; many who ask cause one question. */
  ask(instance: string, app: string, id: string): Promise<void> {
    if (!this.instances.bus.up) return Promise.resolve()
    const name = nameOf(app, id)
    const known = this.#asked.get(name)
    if (known) return known.promise
    let done = () => {}
    const promise = new Promise<void>((resolve) => {
      const timer = setTimeout(() => done(), answerTime)
      // it must not keep a process alive that closes
      timer.unref()
      done = () => {
        clearTimeout(timer)
        this.#asked.delete(name)
        resolve()
      }
    })
    this.#asked.set(name, { promise, done })
    this.instances.send(instance, { t: 'prove', endpoint: this.endpoint, app, id })
    return promise
  }
}

const nameOf = (app: string, id: string) => JSON.stringify([app, id])
