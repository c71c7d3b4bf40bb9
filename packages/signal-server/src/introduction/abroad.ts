import type { Json } from 'signal-protocol'
import type { LocalIntroductions } from '../bus/introductions-across.js'
import type { PeerNotice } from '../bus/wire.js'
import type { Dialect } from './dialects/dialect.js'
import type { Peer } from './peer.js'
import type { Session } from './session.js'
import type { Worlds } from './worlds.js'

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
    private readonly introduced: (app: string, to: string, about: string, keys: string[]) => void,
  ) {}

  peersOn(app: string, key: string): PeerNotice[] {
    const peers = this.worlds.get(app)?.interests.peers(key) ?? []
    return Array.from(peers, (peer) => this.noticeOf(peer))
  }

  introduceRemote(app: string, about: PeerNotice, keys: string[], to: string | undefined): void {
    const { id, info } = about
    for (const [target, common] of this.#targets(app, id, keys, to)) {
      target.tell({ type: 'introduction', id, keys: common, info })
      this.introduced(app, target.id, id, common)
    }
  }

  departRemote(app: string, id: string, keys: string[]): void {
    for (const [target, common] of this.#targets(app, id, keys, undefined)) {
      target.tell({ type: 'departure', id, keys: common })
    }
  }

  updateRemote(app: string, id: string, info: Json, keys: string[]): void {
    for (const target of this.#targets(app, id, keys, undefined).keys()) {
      target.tell({ type: 'update', id, info })
    }
  }

  signalRemote(app: string, from: string, to: string, signal: Json): void {
    const sessions = this.worlds.get(app)?.peers.get(to)?.sessions ?? []
    const receiver = sessions.findLast((session) => session.dialect === this.v1)
    receiver?.tell({ type: 'signal', from, signal })
  }

  *everyone(): Iterable<{ app: string; peer: PeerNotice; keys: Iterable<string> }> {
    for (const { app, peers } of this.worlds.all()) {
      for (const peer of peers.values()) {
        const keys = new Set(peer.sessions.flatMap((session) => [...session.keys]))
        yield { app, peer: this.noticeOf(peer), keys }
      }
    }
  }

  /** A peer as other instances know it. */
  noticeOf(peer: Peer<Session>): PeerNotice {
    const { id, info, sessions } = peer
    const v1 = sessions.some(({ dialect }) => dialect === this.v1)
    return { id, v1, ...(info !== undefined && { info }) }
  }

  /** Who here hears of a peer elsewhere, and on which keys; never the peer itself. */
  #targets(
    app: string,
    id: string,
    keys: string[],
    only: string | undefined,
  ): Map<Session, string[]> {
    const targets = new Map<Session, string[]>()
    const world = this.worlds.get(app)
    const named = only === undefined ? undefined : world?.peers.get(only)
    for (const key of keys) {
      const here = named ? [named] : only === undefined ? world?.interests.peers(key) : []
      for (const peer of here ?? []) {
        const target = peer.id === id ? undefined : peer.sessionFor(key)
        if (!target) continue
        const common = targets.get(target)
        if (common) common.push(key)
        else targets.set(target, [key])
      }
    }
    return targets
  }
}
