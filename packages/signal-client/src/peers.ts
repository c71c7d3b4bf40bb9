import type { Departure, Introduction, Json } from 'signal-server-protocol'
import { createBackoff, forgottenAfter, type Backoff } from './backoff.js'
import { createLink, type Link, type LinkContext } from './link.js'
import { Peer } from './peer.js'

/** Everybody whom the server has introduced, and the links to them. */
export interface Peers {
  /** Those to whom there is a pipe. */
  connected(): ReadonlyMap<string, Peer>
  introduce(introduction: Introduction): void
  depart(departure: Departure): void
  update(id: string, info: Json | undefined): void
  /** Visits every link. */
  each(visit: (link: Link, key: string) => void): void
}

// a pipe that breaks is missed at once; its ceiling grows as every other
const firstPause = 200
// so that many strangers who come and go are not kept in mind
const mostResting = 10_000

// neither an id nor a key has control characters
const nameOf = (id: string, key: string) => `${id}\n${key}`

/** @param wanted - the keys that the client wants, live */
export function createPeers(context: LinkContext, wanted: ReadonlySet<string>): Peers {
  const known = new Map<string, Peer<Link>>()

  /**
   * The back-offs of links that were forgotten a moment ago, oldest first: a peer that leaves and
   * comes back all the time is not dialled each time.
   */
  const resting = new Map<string, Backoff>()

  const forget = (name: string, link: Link) => {
    resting.delete(name)
    resting.set(name, link.backoff)
    for (const [oldest, { wait }] of resting) {
      if (wait > -forgottenAfter && resting.size <= mostResting) break
      resting.delete(oldest)
    }
  }

  /** Visits a link, and forgets it where nothing is left to be done. */
  const visit = (peer: Peer<Link>, key: string, look?: (link: Link, key: string) => void) => {
    const link = peer.links.get(key)
    if (!link) return
    look?.(link, key)
    if (link.isIdle && peer.links.delete(key)) forget(nameOf(peer.id, key), link)
    if (!peer.links.size && known.get(peer.id) === peer) known.delete(peer.id)
  }

  const update = (id: string, info: Json | undefined) => {
    const peer = known.get(id)
    if (!peer || info === undefined || JSON.stringify(peer.info) === JSON.stringify(info)) return
    peer.info = info
    // who is not connected yet is shown with it when it is
    if (peer.keys.length) context.emit('update', peer, info)
  }

  return {
    connected: () => new Map([...known].filter(([, { keys }]) => keys.length)),
    introduce({ id, keys, info, again }) {
      for (const key of keys) {
        if (id === context.ownId || !wanted.has(key)) continue
        const peer = known.get(id) ?? new Peer<Link>(id)
        known.set(id, peer)
        update(id, info)
        const link =
          peer.links.get(key) ??
          createLink(
            context,
            peer,
            key,
            resting.get(nameOf(id, key)) ?? createBackoff(firstPause),
            () => visit(peer, key),
          )
        peer.links.set(key, link)
        link.introduce(again)
      }
    },
    depart({ id, keys }) {
      const peer = known.get(id)
      if (peer) for (const key of keys) visit(peer, key, (link) => link.depart())
    },
    update,
    each(look) {
      for (const peer of [...known.values()]) {
        for (const key of [...peer.links.keys()]) visit(peer, key, look)
      }
    },
  }
}
