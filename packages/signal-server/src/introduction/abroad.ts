import type { Json } from 'signal-protocol'
import type { AnnouncingPeer, Known, LocalIntroductions } from '../bus/local-introductions.js'
import type { PeerNotice } from '../bus/wire.js'
import type { Dialect } from './dialects/dialect.js'
import { update } from './introductions.js'
import type { Peer } from './peer.js'
import type { Session } from './session.js'
import type { SlicedWork, Steps } from '../sliced-work.js'
import type { Worlds } from './worlds.js'

type Still = (key: string) => boolean

/** What the peers of other instances bring about here, and what others may know of those here. */
export class Abroad implements LocalIntroductions {
  /**
   * @param worlds - of all apps
   * @param v1 - the dialect that knows more than Introductions
   * @param introduced - called for each Introduction that is told here
   */
  constructor(
    private readonly worlds: Worlds<Session>,
    private readonly v1: Dialect,
    private readonly work: SlicedWork,
    private readonly introduced: (app: string, to: string, about: string, keys: string[]) => void,
  ) {}

  count(app: string, key: string): number {
    return this.worlds.get(app)?.interests.count(key) ?? 0
  }

  peersOn(app: string, key: string): PeerNotice[] {
    const peers = this.worlds.get(app)?.interests.peers(key) ?? []
    return Array.from(peers, (peer) => this.#notice(peer, key))
  }

  peerOn(app: string, key: string, id: string): PeerNotice | undefined {
    const peer = this.worlds.get(app)?.peers.get(id)
    return peer?.has(key) ? this.#notice(peer, key) : undefined
  }

  introduceRemote(
    app: string,
    id: string,
    info: (hears: Still) => Json | undefined,
    keys: string[],
    still: Still,
    to?: string,
  ): void {
    this.work.run(this.#introduce(app, { id, info }, keys, still, to))
  }

  introduceAgain(app: string, { id, info }: PeerNotice, key: string, to: string): void {
    const target = this.worlds.get(app)?.peers.get(to)?.sessionFor(key)
    target?.tell({ type: 'introduction', id, keys: [key], info, again: true })
    if (target) this.introduced(app, to, id, [key])
  }

  introduceHere(app: string, id: string, keys: string[]): void {
    const shared = new Map<Peer<Session>, string[]>()
    for (const key of keys) {
      for (const other of this.worlds.get(app)?.interests.peers(key) ?? []) {
        const before = shared.get(other)
        if (before) before.push(key)
        else if (other.id !== id) shared.set(other, [key])
      }
    }
    for (const [other, common] of shared) {
      const info = () => other.info
      this.introduceRemote(app, other.id, info, common, (key) => other.has(key), id)
    }
  }

  departRemote(app: string, id: string, keys: string[], still: Still): void {
    this.work.run(this.#depart(app, id, keys, still))
  }

  updateRemote(
    app: string,
    id: string,
    info: Json,
    keys: string[],
    still: Still,
    known: Known,
  ): void {
    const world = this.worlds.get(app)
    if (world) this.work.run(update(world, { id, info, keys }, still, known))
  }

  show(app: string, id: string, known: Known): void {
    const world = this.worlds.get(app)
    const peer = world?.peers.get(id)
    const announcement = peer?.announcement
    if (!world || !peer || !announcement) return
    const { info, at } = announcement
    const still = () => peer.announcement?.at === at
    this.work.run(update(world, { id, info, keys: peer.keys }, still, known))
  }

  peer(app: string, id: string): AnnouncingPeer | undefined {
    return this.worlds.get(app)?.peers.get(id)
  }

  signalRemote(app: string, from: string, to: string, key: string, signal: Json): void {
    const sessions = this.worlds.get(app)?.peers.get(to)?.sessions ?? []
    const receiver = sessions.findLast((session) => this.#readsSignals(session, key))
    receiver?.tell({ type: 'signal', from, signal })
  }

  outranked(app: string, id: string, key: string, since: number | undefined): void {
    this.worlds.get(app)?.peers.get(id)?.outranked(key, since)
  }

  *everyone(): Iterable<{ app: string; id: string; keys: Iterable<string> }> {
    for (const { app, peers } of this.worlds.all()) {
      for (const { id, keys } of peers.values()) yield { app, id, keys }
    }
  }

  /** A peer as other instances know it. */
  #notice(peer: Peer<Session>, key: string): PeerNotice {
    const { id, announcement, sessions } = peer
    const since = peer.newestWith(key)?.arrival ?? 0
    const reads = sessions.findLast((session) => this.#readsSignals(session, key))?.arrival
    const said = announcement && { info: announcement.info, announced: announcement.at }
    return { id, since, ...(reads !== undefined && { reads }), ...said }
  }

  #readsSignals({ dialect, keys }: Session, key: string): boolean {
    return dialect === this.v1 && keys.has(key)
  }

  *#introduce(
    app: string,
    { id, info }: { id: string; info: (hears: Still) => Json | undefined },
    keys: string[],
    still: Still,
    to?: string,
  ): Steps {
    const targets = new Map<Session, string[]>()
    yield* this.#audience(app, id, keys, targets, to)
    for (const [target, common] of targets) {
      // who has asked, and shares many keys with many, is told no faster than it reads
      while (to !== undefined && target.congested) yield target.drained()
      const shared = common.filter(still)
      if (shared.length === 0) continue
      const hears = (key: string) => target.peer.sessionFor(key) === target
      target.tell({ type: 'introduction', id, keys: shared, info: info(hears) })
      this.introduced(app, target.id, id, shared)
      yield
    }
  }

  *#depart(app: string, id: string, keys: string[], still: Still): Steps {
    const targets = new Map<Session, string[]>()
    yield* this.#audience(app, id, keys, targets)
    for (const [target, common] of targets) {
      const left = common.filter(still)
      if (left.length > 0) target.tell({ type: 'departure', id, keys: left })
      yield
    }
  }

  /** Who here hears of a peer elsewhere, and on which keys; never the peer itself. */
  *#audience(
    app: string,
    id: string,
    keys: string[],
    found: Map<Session, string[]>,
    only?: string,
  ): Steps {
    const world = this.worlds.get(app)
    const named = only === undefined ? undefined : world?.peers.get(only)
    for (const key of keys) {
      const here = only === undefined ? world?.interests.peers(key) : named && [named]
      for (const peer of here ?? []) {
        const target = peer.id === id ? undefined : peer.sessionFor(key)
        const common = target && found.get(target)
        if (common) common.push(key)
        else if (target) found.set(target, [key])
        yield
      }
    }
  }
}
