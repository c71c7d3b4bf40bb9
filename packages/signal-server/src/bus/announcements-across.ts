import { outranks, type Announcement } from './announcement.js'
import type { Instances } from './instances.js'
import type { LocalIntroductions } from './local-introductions.js'
import { RemotePeers } from './remote-peers.js'
import type { Tell } from './retelling.js'
import { Subscriptions } from './subscriptions.js'
import { topics } from './topics.js'
import type { UpdatesAcross } from './updates-across.js'
import type { AnnouncementNotice } from './wire.js'

/** A peer that has sessions here. */
interface Here {
  readonly app: string
  readonly id: string
  /** What counts of all that its sessions here have announced. */
  own: Announcement | undefined
  /** What counts of all that its sessions have announced, wherever they are. */
  counts: Announcement | undefined
  /** Whether the others were asked, and told `own`. */
  asked: boolean
}

/** What a peer has announced on another instance. */
type Elsewhere = AnnouncementNotice & { readonly id: string }

/**
 * Of several sessions of a peer the newest that announced something counts, wherever it is, and
 * though the instances that have them may share no key. So a peer has a topic, which whoever has
 * sessions of it hears; an instance subscribes to it and *then* asks there for what was announced.
 * Since each subscribes before it asks, and before it tells, one of two always hears the other.
 */
export class AnnouncementsAcross {
  /** By topic. */
  readonly #here = new Map<string, Here>()
  /** Each under a key of its own, its id. */
  readonly #elsewhere = new RemotePeers<Elsewhere>()
  readonly #subscriptions: Subscriptions

  constructor(
    private readonly instances: Instances,
    private readonly local: LocalIntroductions,
    private readonly updates: UpdatesAcross,
  ) {
    this.#subscriptions = new Subscriptions(instances, () => {})
    instances.on('announced', ({ app, id, what, ask = false, instance }) => {
      const here = this.#here.get(topics.peer(app, id))
      if (!here) return
      if (ask && here.own) instances.send(instance, announced(here))
      if (what) this.#add(here, what, instance)
      else this.#elsewhere.remove(topics.key(app, id), instance, id)
      this.#look(here)
    })
    instances.on('anew', ({ instance }) => this.#elsewhere.doubt(instance))
    instances.on('told', ({ instance }) => this.#forget(instance, true))
    instances.onDeath((instance) => this.#forget(instance))
    instances.onReturn(() => {
      for (const instance of this.#elsewhere.instances()) this.#elsewhere.doubt(instance)
    })
    instances.retell(() => this.#everything())
  }

  /** A peer here takes part: what it has announced elsewhere may count. */
  enter(app: string, id: string): void {
    const topic = topics.peer(app, id)
    if (this.#here.has(topic)) return
    const here: Here = { app, id, own: undefined, counts: undefined, asked: false }
    this.#here.set(topic, here)
    this.#subscriptions.want(topic)
    this.#subscriptions.whenHeard([topic], () => {
      if (this.#here.get(topic) === here) this.#ask(here)
    })
  }

  /** A session of a peer here has announced something, or has ended. */
  look(app: string, id: string): void {
    const here = this.#here.get(topics.peer(app, id))
    if (here) this.#look(here)
  }

  close(): void {
    this.#subscriptions.close()
  }

  #ask(here: Here): void {
    here.asked = true
    this.instances.publish(topics.peer(here.app, here.id), { ...announced(here), ask: true })
  }

  *#everything(): Iterable<Tell> {
    for (const here of this.#here.values()) {
      // else it is about to
      if (here.asked) yield () => this.#ask(here)
    }
  }

  #add({ app, id }: Here, { info, since, at }: AnnouncementNotice, instance: string): void {
    if (typeof since !== 'number' || typeof at !== 'number') throw new TypeError('no announcement')
    this.#elsewhere.add({ app, id, key: id, info, since, at, instance, doubtful: false })
  }

  #forget(instance: string, doubtfulOnly = false): void {
    for (const { app, id } of this.#elsewhere.ofInstance(instance, doubtfulOnly)) {
      this.#elsewhere.remove(topics.key(app, id), instance, id)
      this.look(app, id)
    }
  }

  /** Looks what counts now. */
  #look(here: Here): void {
    const { app, id, counts: before } = here
    const topic = topics.peer(app, id)
    const peer = this.local.peer(app, id)
    const own = peer?.announcedHere
    const elsewhere = this.#elsewhere.find(topics.key(app, id), id)
    const told = own === here.own
    here.own = own
    // else it is told when the others are asked
    if (!told && here.asked) this.instances.publish(topic, announced(here))
    if (peer) {
      peer.announcedElsewhere =
        elsewhere && (!own || outranks(elsewhere, own)) ? elsewhere : undefined
      here.counts = peer.announcement
      if (!same(before, here.counts)) this.updates.changed(here, before, here.counts)
    } else {
      this.#here.delete(topic)
      this.#elsewhere.forget(topics.key(app, id))
      this.#subscriptions.release(topic)
    }
  }
}

function announced({ app, id, own }: Here) {
  const what = own && { info: own.info, since: own.since, at: own.at }
  return { t: 'announced', app, id, ...(what && { what }) } as const
}

const same = (one: Announcement | undefined, other: Announcement | undefined) =>
  one?.at === other?.at && one?.instance === other?.instance
