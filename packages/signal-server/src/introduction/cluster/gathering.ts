import type { Instances } from '../../cluster/instances.js'

/** Something to be told of keys that came one by one. */
interface Pending {
  readonly keys: Set<string>
  /** Instances that may not have said all of it. */
  readonly unfinished: Set<string>
  readonly tell: (keys: string[]) => void
}

// should the answer get lost, it is told what has come
const answerTime = 1_000

/**
 * Gathers keys that are told one by one, each on a topic of its own, so that one Join is one
 * Introduction. Who hears only some of the topics can't know which one is the last; so it asks, and
 * as messages of an instance come in order, the answer comes behind all of it.
 */
export class Gathering {
  readonly #pending = new Map<string, Pending>()
  /** Those that were asked. */
  readonly #asked = new Map<string, NodeJS.Timeout>()
  readonly #callbacks: (() => void)[] = []
  #flushing: NodeJS.Immediate | undefined

  constructor(private readonly instances: Instances) {
    instances.on('rest', ({ answer = false, instance }) => {
      if (answer) this.#finished(instance)
      else instances.send(instance, { t: 'rest', answer: true })
    })
    instances.onDeath((instance) => this.#finished(instance))
  }

  /**
   * Adds a key, of which another instance has told.
   * @param name - keys with the same name are told together
   * @param from - that instance, and whether more that it has to say may follow
   * @param tell - called at the end of the turn, or when all has come
   */
  add(
    name: unknown[],
    key: string,
    from: { instance: string; more?: boolean },
    tell: (keys: string[]) => void,
  ): void {
    const named = JSON.stringify(name)
    const pending = this.#pending.get(named) ?? { keys: new Set(), unfinished: new Set(), tell }
    this.#pending.set(named, pending)
    pending.keys.add(key)
    if (!from.more) return this.#finished(from.instance)
    pending.unfinished.add(from.instance)
    if (this.#asked.has(from.instance)) return
    const late = setTimeout(() => this.#finished(from.instance), answerTime)
    this.#asked.set(from.instance, late)
    this.instances.send(from.instance, { t: 'rest' })
  }

  /** Calls back when all has been told that an instance has said so far. */
  whenTold(instance: string, callback: () => void): void {
    this.#callbacks.push(callback)
    this.#finished(instance)
  }

  close(): void {
    clearImmediate(this.#flushing)
    for (const late of this.#asked.values()) clearTimeout(late)
    this.#asked.clear()
    this.#pending.clear()
  }

  /** An instance has said all that it had begun. */
  #finished(instance: string): void {
    if (this.#asked.has(instance)) {
      clearTimeout(this.#asked.get(instance))
      this.#asked.delete(instance)
      for (const { unfinished } of this.#pending.values()) unfinished.delete(instance)
    }
    this.#flushing ??= setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#flushing = undefined
    for (const [name, { keys, unfinished, tell }] of this.#pending) {
      if (unfinished.size > 0) continue
      this.#pending.delete(name)
      tell([...keys])
    }
    for (const callback of this.#callbacks.splice(0)) callback()
  }
}
