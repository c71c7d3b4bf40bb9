import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { errorSentence } from 'signal-server-protocol'
import { addressFinder, isLoopback, isPrivate, limitedAs, proxyTester } from '../address.js'
import { HttpRefusal } from '../errors.js'
import type { Settings } from '../options.js'
import { addressShare } from './address-share.js'
import { Rank, type Holding } from './holders.js'
import { Slots, type Full } from './slots.js'

/** What is known of a TCP connection since it was accepted. */
interface Accepted {
  readonly slot: Holding | Full
  /** Whether only the headers of a request tell whose connection it is. */
  readonly isProxy: boolean
  /** What the limits per address count its own address as. */
  readonly address: string | undefined
}

// on the socket itself: a WeakMap of many short-lived sockets costs a tenth of the time of a connection
const accepted = Symbol('accepted')

const acceptedOf = (socket: Socket) => socket as Socket & { [accepted]?: Accepted | undefined }

/** Counts sockets and upgrades, in all and by address. */
export class SocketLimits {
  readonly #slots: Slots
  readonly #addressOf: (request: IncomingMessage) => string
  readonly #isProxy: (address: string) => boolean
  readonly #rate: RateLimiterMemory | undefined
  #upgrades = 0

  constructor(private readonly settings: Settings) {
    const { trustProxy, maxSockets, maxSocketsPerAddress, maxUpgradesPerSecond: points } = settings
    this.#addressOf = addressFinder(trustProxy)
    this.#isProxy = proxyTester(trustProxy)
    if (points < Infinity) this.#rate = new RateLimiterMemory({ points, duration: 1 })
    const perAddress =
      maxSocketsPerAddress < Infinity
        ? maxSocketsPerAddress
        : Math.ceil(maxSockets * addressShare(settings))
    // a client has as long for what it wants as for the headers of its request
    this.#slots = new Slots(maxSockets, perAddress, settings.headersTimeout)
  }

  /** Sockets that were let in, or wait for their authorisation. */
  get sockets(): number {
    return this.#upgrades
  }

  /** All that counts in `maxSockets`. */
  get connections(): number {
    return this.#slots.taken
  }

  /** The client's own address, behind trusted proxies. */
  addressOf(request: IncomingMessage): string {
    return this.#addressOf(request)
  }

  /**
   * What the limits per address count a request as.
   *
   * @returns undefined where the client's own address is not known. Without `trustProxy` an address
   * of this machine or of a private network may be that of a proxy, which brings many clients. It
   * counts only where the options say so: a limit per address is set, and it is not exempt.
   */
  limited(request: IncomingMessage): string | undefined {
    const known = acceptedOf(request.socket)[accepted]
    const forwarded = request.headers['x-forwarded-for'] !== undefined
    if (known && !known.isProxy && !forwarded) return known.address
    const { maxSocketsPerAddress, exemptLoopback, exemptUnknownProxies } = this.settings
    const address = this.#addressOf(request)
    if (address === '') return undefined
    if (exemptLoopback && isLoopback(address)) return undefined
    const viaProxy = forwarded && this.#isProxy(request.socket.remoteAddress ?? '')
    if (!viaProxy && isPrivate(address)) {
      if (exemptUnknownProxies && (forwarded || !isLoopback(address))) return undefined
      if (maxSocketsPerAddress === Infinity && !this.#rate) return undefined
    }
    return limitedAs(address)
  }

  /**
   * Counts an upgrade against the rate of its address.
   * @throws HttpRefusal 429, with `Retry-After`
   */
  async checkRate(request: IncomingMessage): Promise<void> {
    const address = this.#rate && this.limited(request)
    if (address === undefined) return
    try {
      await this.#rate?.consume(address)
    } catch (error) {
      if (error instanceof Error) throw error
      throw tooMany(`At most ${this.settings.maxUpgradesPerSecond} upgrades a second.`)
    }
  }

  /**
   * Counts a TCP connection from its first moment on.
   *
   * @param shed - ends it to make room for another one
   * @returns undefined where there is no room for it: its upgrades are refused
   */
  accept(socket: Socket, shed: () => void): Holding | undefined {
    // behind a proxy only the headers of a request will tell whose connection it is
    const isProxy = this.#isProxy(socket.remoteAddress ?? '')
    const request = { socket, headers: {} } as IncomingMessage
    const address = isProxy ? undefined : this.limited(request)
    const slot = this.#slots.take(address, Rank.idle, shed)
    acceptedOf(socket)[accepted] = { slot, isProxy, address }
    if (typeof slot === 'string') return undefined
    socket.on('close', () => (slot.amount = 0))
    return slot
  }

  /** A TCP connection goes on as this one, which reads and writes the same bytes through TLS. */
  secured(socket: Socket, tls: Socket): void {
    acceptedOf(tls)[accepted] = acceptedOf(socket)[accepted]
  }

  /**
   * Counts the socket of an upgrade until it closes: before its authorisation, so that those who
   * wait for theirs count as well.
   *
   * @param shed - ends it to make room for another one
   * @throws HttpRefusal 429 or 503, with `Retry-After`, where there is no room for it
   */
  upgrade(request: IncomingMessage, shed: () => void): Holding {
    const { socket } = request
    const slot = this.#slotOf(request, shed)
    slot.rank = Rank.waiting
    slot.shed = shed
    this.#upgrades++
    socket.on('close', this.#upgradeClosed)
    return slot
  }

  /**
   * Counts a plain request while it is worked on, where its connection does not count.
   *
   * @returns counts it out again
   * @throws HttpRefusal 429 or 503, with `Retry-After`
   */
  request(request: IncomingMessage): () => void {
    const slotOfConnection = acceptedOf(request.socket)[accepted]?.slot
    if (slotOfConnection && typeof slotOfConnection !== 'string') return () => {}
    const slot = this.#take(request, Rank.waiting, () => request.socket.destroy())
    return () => (slot.amount = 0)
  }

  /**
   * Counts a client that came without an upgrade.
   *
   * @param shed - ends it to make room for another one
   * @returns counts it out again
   * @throws HttpRefusal 429 or 503, with `Retry-After`
   */
  client(request: IncomingMessage, shed: () => void): () => void {
    const slot = this.#take(request, Rank.active, shed)
    this.#upgrades++
    return () => {
      slot.amount = 0
      this.#upgrades--
    }
  }

  /**
   * Places for requests that last, of which one address gets no more than its part.
   *
   * @param max - places
   * @returns takes a place; `shed` ends the request to make room for another one
   */
  places(max: number): (request: IncomingMessage, shed: () => void) => Holding | Full {
    const perAddress = Math.ceil(max * addressShare(this.settings))
    const slots = new Slots(max, perAddress, this.settings.headersTimeout)
    return (request, shed) => slots.take(this.limited(request), Rank.waiting, shed)
  }

  readonly #upgradeClosed = () => {
    this.#upgrades--
  }

  #take(request: IncomingMessage, rank: Rank, shed: () => void): Holding {
    const slot = this.#slots.take(this.limited(request), rank, shed)
    if (typeof slot === 'string') throw this.#refusal(slot)
    return slot
  }

  #slotOf(request: IncomingMessage, shed: () => void): Holding {
    const slot = acceptedOf(request.socket)[accepted]?.slot
    if (!slot) {
      const taken = this.#take(request, Rank.waiting, shed)
      request.socket.on('close', () => (taken.amount = 0))
      return taken
    }
    const full = typeof slot === 'string' ? slot : this.#slots.move(slot, this.limited(request))
    if (full || typeof slot === 'string') throw this.#refusal(full!)
    return slot
  }

  #refusal(full: Full): HttpRefusal {
    if (full === 'all') return serverFull()
    return tooMany(`At most ${this.#slots.maxPerAddress} sockets from one address.`)
  }
}

/** 503, for a socket for which there is no room. */
export const serverFull = () =>
  new HttpRefusal(503, 'server_full', errorSentence.server_full, { 'Retry-After': '30' })

const tooMany = (sentence: string) =>
  new HttpRefusal(429, 'rate_limited', sentence, { 'Retry-After': '1' })
