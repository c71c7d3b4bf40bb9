import type { Instances } from '../../cluster/instances.js'
import type { LocalIntroductions } from './local-introductions.js'
import type { Tell } from '../../cluster/retelling.js'
import { Subscriptions } from '../../cluster/subscriptions.js'
import { topics } from '../../cluster/topics.js'
import type { PeerNotice } from '../../cluster/wire.js'

/** The keys that peers here want: their topics are heard, and *then* the other instances told. */
export class WantedKeys {
  readonly #subscriptions: Subscriptions
  /**
   * Peers here, by topic, that want a key and have not told so yet. They need not hear of others:
   * when they tell, they are answered.
   */
  readonly #untold = new Map<string, Set<string>>()

  /** @param dropped - called when a topic is no longer heard */
  constructor(
    private readonly instances: Instances,
    private readonly local: LocalIntroductions,
    dropped: (topic: string) => void,
  ) {
    this.#subscriptions = new Subscriptions(instances, dropped)
    instances.retell(() => this.#everything())
  }

  /** A peer here wants a key that it did not want before. */
  want(app: string, key: string, id: string): void {
    const topic = topics.key(app, key)
    this.#subscriptions.want(topic)
    this.#untold.set(topic, (this.#untold.get(topic) ?? new Set()).add(id))
  }

  /**
   * Tells the others, once their answers can be heard, that a peer here wants keys.
   * @param t - whether it has asked for introductions, or an older session of it has them now
   */
  tell(
    app: string,
    keys: readonly string[],
    id: string,
    t: 'join' | 'renew' | 'state' = 'join',
  ): void {
    if (keys.length === 0) return
    const names = keys.map((key) => topics.key(app, key))
    this.#subscriptions.whenHeard(names, () => {
      // it may have left some meanwhile
      const wanted = keys.filter((key) => this.local.peerOn(app, key, id))
      for (const name of names) this.#takesPart(name, id)
      for (const [n, key] of wanted.entries()) {
        const peer = this.local.peerOn(app, key, id)!
        const more = n + 1 < wanted.length
        this.instances.publish(topics.key(app, key), { t, app, key, peer, ...(more && { more }) })
      }
    })
  }

  /** A peer here wants these keys no longer. */
  leave(app: string, id: string, keys: readonly string[]): void {
    // a peer of which the others have not heard on a key need not say that it has left the key
    const told = keys.filter((key) => !this.#takesPart(topics.key(app, key), id))
    for (const [n, key] of told.entries()) {
      const more = n + 1 < told.length
      this.instances.publish(topics.key(app, key), {
        t: 'leave',
        app,
        key,
        id,
        ...(more && { more }),
      })
    }
    for (const key of keys) this.#subscriptions.release(topics.key(app, key))
  }

  /** The peers here that want a key and have told so. */
  peersOn(app: string, key: string): PeerNotice[] {
    const untold = this.#untold.get(topics.key(app, key))
    return this.local.peersOn(app, key).filter(({ id }) => !untold?.has(id))
  }

  /** Whether there is one. */
  hasPeersOn(app: string, key: string): boolean {
    const untold = this.#untold.get(topics.key(app, key))
    return this.local.count(app, key) > (untold?.size ?? 0)
  }

  close(): void {
    this.#subscriptions.close()
  }

  /** @returns whether it did not before */
  #takesPart(topic: string, id: string): boolean {
    const untold = this.#untold.get(topic)
    if (!untold?.delete(id)) return false
    if (untold.size === 0) this.#untold.delete(topic)
    return true
  }

  *#everything(): Iterable<Tell> {
    for (const { app, id, keys } of this.local.everyone()) {
      yield () => this.tell(app, [...keys], id)
    }
  }
}
