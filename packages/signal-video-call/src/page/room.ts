import { Client, type ClientState, type Json } from 'signal-client'

const needsToken = 'a valid token is needed: #token=… at the end of the address'

/** What a room tells its page. */
export interface RoomPage {
  people(people: ReadonlyMap<string, string>): void
  /** Somebody is no longer there, and not for a lost connection of ours or theirs. */
  left(id: string): void
  heard(from: string, signal: Json): void
  state(state: ClientState, trouble?: string): void
  /** The server has another version than when the page was loaded. */
  outdated(): void
}

/** Who else has the page open, and a way to tell them something. */
export class Room {
  #client: Client | undefined
  #version: string | undefined

  /**
   * @param url - of the signal server
   * @param key - what those in the room have in common
   * @param token - where the server asks for one
   */
  constructor(
    private readonly url: URL,
    private readonly key: string,
    private readonly token: string | undefined,
    private readonly page: RoomPage,
  ) {}

  /** Who this visitor is, while in the room. */
  get ownId(): string {
    return this.#client?.id ?? ''
  }

  get iceServers(): readonly RTCIceServer[] {
    return this.#client?.iceServers ?? []
  }

  /** The others, by id. */
  get people(): ReadonlyMap<string, string> {
    const peers = this.#client?.peers ?? new Map<string, { info: Json | undefined }>()
    return new Map([...peers].map(([id, { info }]) => [id, nameIn(info)]))
  }

  enter(name: string): void {
    if (this.#client) return
    const { url, key, token, page } = this
    const client = new Client({ url, keys: [key], info: { name }, ...(token && { token }) })
    this.#client = client
    client.on('connected', ({ server }) => {
      page.state(client.state)
      this.#version ??= server.version
      if (server.version !== this.#version) page.outdated()
    })
    client.on('disconnected', () => page.state(client.state))
    client.on('error', ({ code, id, message }) => {
      if (code === 'unknown_peer' && id !== undefined) page.left(id)
      else page.state(client.state, code === 'unauthorized' ? needsToken : message)
    })
    client.on('peer', () => page.people(this.people))
    client.on('update', () => page.people(this.people))
    client.on('peer-left', ({ id }, _key, why) => {
      page.people(this.people)
      if (why === 'closed') page.left(id)
    })
    client.on('signal', (from, signal) => page.heard(from, signal))
    page.state(client.state)
  }

  leave(): void {
    const client = this.#client
    this.#client = undefined
    void client?.close()
    this.page.people(new Map())
    this.page.state('closed')
  }

  rename(name: string): void {
    this.#client?.announce({ name })
  }

  say(to: string, signal: Json): boolean {
    return this.#client?.signal(to, signal) ?? false
  }
}

function nameIn(info: Json | undefined): string {
  const named = typeof info === 'object' && info !== null && !Array.isArray(info)
  return named && typeof info.name === 'string' ? info.name.slice(0, 40) : 'Somebody'
}
