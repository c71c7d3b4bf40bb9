import type { Member, Peer } from './peer.js'
import { World, type Registrations } from './world.js'

/** The worlds of all apps, each there for as long as it has a peer. */
export class Worlds<M extends Member & { readonly peer: Peer<M> }> implements Registrations {
  readonly #byApp = new Map<string, World<M>>()
  registrations = 0

  get(app: string): World<M> | undefined {
    return this.#byApp.get(app)
  }

  /** The world of an app that a session is about to enter. */
  enter(app: string): World<M> {
    let world = this.#byApp.get(app)
    if (!world) this.#byApp.set(app, (world = new World(app, this)))
    return world
  }

  /** Forgets a world that nobody is in any more. */
  tidy(world: World<M>): void {
    if (world.peers.size === 0 && this.#byApp.get(world.app) === world) {
      this.#byApp.delete(world.app)
    }
  }

  all(): Iterable<World<M>> {
    return this.#byApp.values()
  }

  stats(): Record<string, number> {
    let peers = 0
    let keys = 0
    for (const world of this.all()) {
      peers += world.peers.size
      keys += world.interests.keys
    }
    return { peers, keys, registrations: this.registrations }
  }
}
