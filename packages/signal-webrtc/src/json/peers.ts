import type { Json } from 'signal-server-protocol'
import type { Presence, PresentPeer, SlicedWork, Steps } from 'signal-server'
import { EncodedIds } from './encoded-ids.js'
import type { Fields } from './fields.js'
import type { JsonClient } from './json-client.js'
import { News, type About } from './news.js'
import { sendingBytes, tokensFor } from './rate.js'
import { Refusal } from './refusal.js'

/** A client of this instance that has an id. */
interface Holder extends PresentPeer {
  readonly client: JsonClient
}

/** Where peers meet. */
export interface Meeting {
  readonly app: string
  /** Brings to a client here what another relays to it. */
  hear(client: JsonClient, from: string, message: Fields): void
  /** The peers on other instances, if a bus joins them. */
  readonly presence: Presence | undefined
  readonly work: SlicedWork
}

const listedTogether = 50

/**
 * The clients of one app that have an id, on every instance, and what reaches them by it. An id is
 * one client's.
 */
export class Peers {
  readonly #holders = new Map<string, Holder>()
  readonly #ids = new Map<JsonClient, string>()
  readonly #news: News
  readonly #encodedPeers = new WeakMap<PresentPeer, Buffer>()
  /** All ids, and the same encoded, until one comes or goes. */
  #all: string[] | undefined
  #allEncoded: EncodedIds | undefined

  constructor(private readonly meeting: Meeting) {
    this.#news = new News(meeting.work)
  }

  /** How many there are on this instance. */
  get count(): number {
    return this.#holders.size
  }

  /** All ids, the oldest first. */
  get ids(): readonly string[] {
    return (this.#all ??= this.#allIds())
  }

  /**
   * A message with the list of all ids, which is encoded once until one comes or goes.
   *
   * @param head, tail - JSON that stands before the list and behind it
   * @param but - an id that is left out
   */
  listed(head: string, tail: string, but?: string): Buffer {
    this.#allEncoded ??= new EncodedIds(this.ids)
    return this.#allEncoded.message(head, tail, but)
  }

  /** The ids of those of this instance. */
  get here(): Iterable<string> {
    return this.#holders.keys()
  }

  /** One of this instance, as the others are told of it. */
  noticeOf(id: string): PresentPeer | undefined {
    const holder = this.#holders.get(id)
    if (!holder) return undefined
    const { since, info } = holder
    return info === undefined ? { id, since } : { id, since, info }
  }

  /** The id of a client that has one. */
  idOf(client: JsonClient): string | undefined {
    return this.#ids.get(client)
  }

  /** The client that has an id, if it is on this instance. */
  get(id: string): JsonClient | undefined {
    return this.#holders.get(id)?.client
  }

  /** Whether a client has this id, on any instance. */
  has(id: string): boolean {
    return this.#find(id) !== undefined
  }

  /** What a peer on any instance said of itself when it took its id. */
  infoOf(id: string): Json | undefined {
    return this.#find(id)?.info
  }

  /**
   * Finds out whether a client may take an id. If another one has it, that one is asked for a sign
   * of life, and loses the id if it gives none within 3 s: it may be this same client, before a
   * network loss.
   *
   * @returns whether nobody else has it
   */
  *claim(id: string, client: JsonClient): Generator<Promise<void>, boolean, void> {
    if (this.#ids.get(client) === id) return true
    const holder = this.get(id)
    if (holder) yield holder.prove()
    else if (this.has(id)) yield this.meeting.presence!.prove(this.meeting.app, id)
    return client.open && !this.has(id)
  }

  /**
   * Gives an id to a client, instead of the one it had.
   *
   * @param info - what all instances shall know of it; instead of what they knew
   * @returns false, and changes nothing, if it is another one's
   */
  take(id: string, client: JsonClient, info?: Json): boolean {
    const own = this.#ids.get(client) === id
    if (!own && this.has(id)) return false
    const { app, presence } = this.meeting
    if (!own) {
      this.drop(client)
      this.changed()
      this.#news.add(client)
    }
    const since = this.#holders.get(id)?.since ?? presence?.now() ?? 0
    this.#holders.set(id, { id, since, client, ...(info !== undefined && { info }) })
    this.#ids.set(client, id)
    presence?.tell(app, this.noticeOf(id)!)
    return true
  }

  /**
   * Takes a client's id away.
   * @returns the id, if it had one
   */
  drop(client: JsonClient): string | undefined {
    const id = this.#ids.get(client)
    if (id === undefined) return undefined
    this.changed()
    this.#ids.delete(client)
    this.#holders.delete(id)
    this.#news.remove(client)
    this.meeting.presence?.leave(this.meeting.app, id)
    return id
  }

  /** A peer has come or gone, here or on another instance. */
  changed(): void {
    this.#all = this.#allEncoded = undefined
  }

  /**
   * Brings a message of a client that has an id to the peer with another, on any instance.
   *
   * @throws Refusal if there is none, it cannot be reached, or too much waits for it already; if
   * another instance finds that out, the client is told so later
   */
  relay(client: JsonClient, to: string, message: Fields): void {
    const from = this.#ids.get(client)
    if (from === undefined) throw new Refusal('forbidden', 'Who has no id sends nothing to others.')
    const peer = this.get(to)
    if (peer) return this.meeting.hear(peer, from, message)
    if (!this.has(to)) throw new Refusal('unknown_peer', 'There is no such peer here.')
    // what came as JSON is JSON
    const relayed = { from, message: message as Json }
    if (!this.meeting.presence?.send(this.meeting.app, to, relayed)) {
      throw new Refusal('server_full', 'The server of that peer cannot be reached: try again.')
    }
  }

  /**
   * Sends a message to every peer here but one, in slices and at the expense of that one's rate.
   *
   * @param about - if it tells of a peer: of several such messages that are not sent yet only the
   * last is
   */
  tellOthers(client: JsonClient, message: Fields | Buffer, about?: About): void {
    const { app, presence } = this.meeting
    this.#news.tell(encoded(message), about, client, presence?.count(app))
  }

  /** Sends a message to every peer on this instance, as others do for theirs. */
  tellHere(message: Fields | Buffer, about?: About): void {
    this.#news.tell(encoded(message), about)
  }

  /** Tells a client of every other peer, at the expense of its rate; what is new comes behind. */
  introduce(client: JsonClient, describe: (peer: PresentPeer) => Fields): Steps {
    return this.#news.behind(client, this.#introduce(client, describe))
  }

  /** A message about a peer, encoded once until it changes. */
  encoded(id: string, describe: (peer: PresentPeer) => Fields): Buffer | undefined {
    const peer = this.#find(id)
    if (!peer) return undefined
    const known = this.#encodedPeers.get(peer)
    if (known) return known
    const message = encoded(describe(peer))
    this.#encodedPeers.set(peer, message)
    return message
  }

  /** Lets a client's next message wait until most of what it has caused was told. */
  ready(client: JsonClient): Steps {
    return this.#news.ready(client)
  }

  /** Tells a client what is new before it hears from one of those. */
  flush(client: JsonClient): void {
    this.#news.flush(client)
  }

  *#introduce(client: JsonClient, describe: (peer: PresentPeer) => Fields): Steps {
    const { ids } = this
    const own = this.#ids.get(client)
    let bytes = 0
    for (let at = 0; at < ids.length && client.open; at += listedTogether) {
      client.together(() => {
        for (const id of ids.slice(at, at + listedTogether)) {
          const message = id === own ? undefined : this.encoded(id, describe)
          if (!message) continue
          client.sendEncoded(message)
          bytes += message.length + sendingBytes
        }
      })
      yield
    }
    client.charge(tokensFor(bytes))
  }

  #allIds(): string[] {
    const remotePeers = this.meeting.presence?.on(this.meeting.app) ?? []
    if (remotePeers.length === 0) return [...this.#holders.keys()]
    const all = [...this.#holders.values(), ...remotePeers].sort((a, b) => a.since - b.since)
    return [...new Set(all.map(({ id }) => id))]
  }

  #find(id: string): PresentPeer | undefined {
    return this.#holders.get(id) ?? this.meeting.presence?.find(this.meeting.app, id)
  }
}

const encoded = (message: Fields | Buffer): Buffer =>
  Buffer.isBuffer(message) ? message : Buffer.from(JSON.stringify(message))
