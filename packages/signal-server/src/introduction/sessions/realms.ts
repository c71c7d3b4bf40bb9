import type { Member, Peer } from './peer.js'
import { Realm, type Registrations } from './realm.js'

/** The realms of all apps, each there for as long as it has a peer. */
export class Realms<M extends Member & { readonly peer: Peer<M> }> implements Registrations {
  readonly #byApp = new Map<string, Realm<M>>()
  registrations = 0

  get(app: string): Realm<M> | undefined {
    return this.#byApp.get(app)
  }

  /** The realm of an app that a session is about to enter. */
  enter(app: string): Realm<M> {
    let realm = this.#byApp.get(app)
    if (!realm) this.#byApp.set(app, (realm = new Realm(app, this)))
    return realm
  }

  /** Forgets a realm that nobody is in any more. */
  tidy(realm: Realm<M>): void {
    if (realm.peers.size === 0 && this.#byApp.get(realm.app) === realm) {
      this.#byApp.delete(realm.app)
    }
  }

  all(): Iterable<Realm<M>> {
    return this.#byApp.values()
  }

  stats(): Record<string, number> {
    let peers = 0
    let keys = 0
    for (const realm of this.all()) {
      peers += realm.peers.size
      keys += realm.interests.keys
    }
    return { peers, keys, registrations: this.registrations }
  }
}
