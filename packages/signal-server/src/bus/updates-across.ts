import type { Json } from 'signal-protocol'
import { outranks, type Announcement } from './announcement.js'
import type { Instances } from './instances.js'
import type { Known, LocalIntroductions } from './local-introductions.js'
import type { RemotePeer, RemotePeers } from './remote-peers.js'
import { topics } from './topics.js'
import type { BusMessage, Signed } from './wire.js'

type Message<T extends BusMessage['t']> = Signed<Extract<BusMessage, { t: T }>>

/**
 * Tells other instances what counts of what a peer has announced, wherever they have peers who
 * share a key with it. Where a peer has sessions on several instances, each tells of its own keys;
 * who shares keys with several of them is shown it once.
 */
export class UpdatesAcross {
  /** @param remote - the peers of other instances */
  constructor(
    private readonly instances: Instances,
    private readonly remote: RemotePeers,
    private readonly local: LocalIntroductions,
  ) {
    instances.on('update', (update) => this.#updated(update))
    instances.on('here', (here) => this.#answered(here))
  }

  /** Something else counts of a peer here than before. */
  changed(
    { app, id }: { app: string; id: string },
    before: Announcement | undefined,
    counts: Announcement | undefined,
  ): void {
    // as on one instance alone, nobody is told that what counted is gone
    const quiet = !counts || (before !== undefined && outranks(before, counts))
    const byInstance = new Map<string, string[]>()
    for (const key of this.local.peer(app, id)?.keys ?? []) {
      const peers = this.remote.on(topics.key(app, key))
      for (const instance of new Set(peers.map((peer) => peer.instance))) {
        const shared = byInstance.get(instance)
        if (shared) shared.push(key)
        else byInstance.set(instance, [key])
      }
    }
    for (const [instance, keys] of byInstance) this.#send(instance, app, id, keys, counts, quiet)
    // what was announced here is shown here by who carries that out
    if (quiet || counts.instance === this.instances.id) return
    const told = (at: number) => this.#toldElsewhere(app, id, at)
    this.local.show(app, id, known(told, counts.at, before?.at))
  }

  /**
   * What a peer has announced that an instance introduces, for somebody who hears of some keys: he
   * may have been told more by another instance than that one knows.
   * @param keys - for which it is introduced
   */
  newest(
    { app, id, instance }: { app: string; id: string; instance: string },
    keys: readonly string[],
    hears: (key: string) => boolean,
  ): Json | undefined {
    let newest: RemotePeer | undefined
    for (const key of keys) {
      if ((newest = this.remote.at(topics.key(app, key), id, instance))) break
    }
    for (const peer of this.remote.announcing(app, id)) {
      if (peer.announced! > (newest?.announced ?? 0) && hears(peer.key)) newest = peer
    }
    const here = this.local.peer(app, id)
    const newer = here?.announcement && here.announcement.at > (newest?.announced ?? 0)
    return newer && [...here.keys].some(hears) ? here.info : newest?.info
  }

  #send(
    instance: string,
    app: string,
    id: string,
    keys: string[],
    counts: Announcement | undefined,
    quiet: boolean,
  ): void {
    const what = counts && { info: counts.info, announced: counts.at }
    this.instances.send(instance, { t: 'update', app, id, keys, ...what, ...(quiet && { quiet }) })
  }

  /** Whoever answered a Join may not have been told what has changed since that was published. */
  #answered({ app, to, key, knows, instance }: Message<'here'>): void {
    const peer = this.local.peer(app, to)
    const counts = peer?.announcement
    if (!peer || counts?.at === knows) return
    this.#send(instance, app, to, [key], counts, !counts)
  }

  #updated({ app, id, keys, info, announced, quiet, instance }: Message<'update'>): void {
    const peerOn = (key: string) => this.remote.at(topics.key(app, key), id, instance)
    // who has not heard of it will be told what it has announced then
    const concerned = keys.flatMap((key) => peerOn(key) ?? [])
    const before = Math.max(...concerned.map((peer) => peer.announced ?? 0))
    const told = known((at) => this.#told(app, id, at), announced ?? 0, before)
    for (const peer of concerned) this.remote.add({ ...peer, info, announced })
    if (quiet || info === undefined) return
    const still = (key: string) => peerOn(key)?.announced === announced
    const shared = concerned.map(({ key }) => key)
    this.local.updateRemote(app, id, info, shared, still, told)
  }

  /** Keys whose peers have been told what a peer has announced at this time, or later. */
  *#told(app: string, id: string, at: number): Iterable<string> {
    const here = this.local.peer(app, id)
    if ((here?.announcement?.at ?? 0) >= at) yield* here!.keys
    yield* this.#toldElsewhere(app, id, at)
  }

  /** Those of them that are the business of other instances. */
  *#toldElsewhere(app: string, id: string, at: number): Iterable<string> {
    for (const { key, announced } of this.remote.announcing(app, id)) {
      if (announced! >= at) yield key
    }
  }
}

/**
 * Who need not be told: who hears of a key whose peers were told before this is asked, or are told
 * something newer meanwhile.
 *
 * @param told - keys whose peers were told what was announced at a time, or later
 * @param at - when it was announced
 * @param before - when that was announced which counted before; where it is later, as that of an
 * older session may be, it is taken back, and who was told it has to be told
 */
function known(told: (at: number) => Iterable<string>, at: number, before = 0): Known {
  const since = before > at ? before + 1 : at
  const already = [...told(since)]
  return (hears) => {
    if (already.some(hears)) return true
    for (const key of told(since + 1)) if (hears(key)) return true
    return false
  }
}
