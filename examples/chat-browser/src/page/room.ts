import { Client, type ClientState, type Json, type Peer, type PipeSocket } from 'signal-client'

/** Something that somebody said. */
export interface Message {
  id: string
  author: string
  name: string
  text: string
  /** Milliseconds since 1970, on the author's clock. */
  at: number
}

/** What happens in a room. */
export interface RoomEvents {
  state(state: ClientState, trouble?: string): void
  joined(id: string, name: string): void
  left(id: string, name: string): void
  renamed(id: string, name: string, before: string): void
  said(message: Message): void
  /** A message is too old to be kept. */
  forgot(id: string): void
}

/** How many messages everybody keeps, and how long a message and a name may be. */
const mostMessages = 500
const longestText = 2_000
const longestName = 40

/**
 * A room without a server that keeps anything: everybody has what was said, and gives it to whoever
 * comes.
 */
export class Room {
  readonly #client: Client
  readonly #messages = new Map<string, Message>()
  readonly #names = new Map<string, string>()
  #name: string
  /** How much this visitor has said. */
  #said = 0

  /**
   * @param url - of the signal server
   * @param key - of the room: whoever knows it can come in
   * @throws TypeError where there can be no room with this key
   */
  constructor(
    url: string | URL,
    readonly key: string,
    name: string,
    private readonly events: RoomEvents,
  ) {
    this.#name = name
    const client = (this.#client = new Client({ url, keys: [key], info: { name } }))
    client.on('connected', () => events.state(client.state))
    client.on('disconnected', () => events.state(client.state))
    client.on('error', (error) => events.state(client.state, error.message))
    client.on('peer', (peer, _key, socket) => this.#meet(peer, socket))
    client.on('peer-left', (peer) => this.#part(peer))
    client.on('update', (peer) => this.#rename(peer))
  }

  get id(): string {
    return this.#client.id
  }

  get name(): string {
    return this.#name
  }

  /** Everybody else who is here: names by id. */
  get people(): ReadonlyMap<string, string> {
    return this.#names
  }

  rename(name: string): void {
    this.#name = name
    this.#client.announce({ name })
  }

  say(text: string): void {
    // the author's id is another one with each visit
    const id = `${this.id} ${++this.#said}`
    const message = { id, author: this.id, name: this.#name, text, at: Date.now() }
    this.#add([message])
    for (const peer of this.#client.peers.values()) {
      peer.get(this.key)?.send(JSON.stringify([message]))
    }
  }

  #meet(peer: Peer, socket: PipeSocket): void {
    const name = nameIn(peer.info)
    this.#names.set(peer.id, name)
    this.events.joined(peer.id, name)
    socket.onmessage = ({ data }) => this.#add(messagesIn(data))
    // who was away, or is new, gets what was said meanwhile
    if (this.#messages.size) socket.send(JSON.stringify([...this.#messages.values()]))
  }

  #part(peer: Peer): void {
    const name = this.#names.get(peer.id) ?? nameIn(peer.info)
    this.#names.delete(peer.id)
    this.events.left(peer.id, name)
  }

  #rename(peer: Peer): void {
    const before = this.#names.get(peer.id) ?? ''
    const name = nameIn(peer.info)
    this.#names.set(peer.id, name)
    if (name !== before) this.events.renamed(peer.id, name, before)
  }

  #add(messages: Message[]): void {
    for (const message of messages) {
      if (this.#messages.has(message.id)) continue
      this.#messages.set(message.id, message)
      this.events.said(message)
      if (this.#messages.size > mostMessages) this.#forgetOldest()
    }
  }

  #forgetOldest(): void {
    const oldest = [...this.#messages.values()].reduce((a, b) => (b.at < a.at ? b : a))
    this.#messages.delete(oldest.id)
    this.events.forgot(oldest.id)
  }
}

function nameIn(info: Json | undefined): string {
  const { name } = (info ?? {}) as { name?: unknown }
  return typeof name === 'string' && name.trim() ? name.slice(0, longestName) : 'Somebody'
}

/** What a peer sends is a stranger's word. */
function messagesIn(data: unknown): Message[] {
  try {
    const list = JSON.parse(String(data)) as unknown
    return Array.isArray(list) ? list.filter(isMessage) : []
  } catch {
    return []
  }
}

function isMessage(value: unknown): value is Message {
  const { id, author, name, text, at } = (value ?? {}) as Record<string, unknown>
  return (
    [id, author].every((each) => isText(each, 100)) &&
    isText(name, longestName) &&
    isText(text, longestText) &&
    Number.isFinite(at)
  )
}

const isText = (value: unknown, longest: number) =>
  typeof value === 'string' && value.length <= longest
