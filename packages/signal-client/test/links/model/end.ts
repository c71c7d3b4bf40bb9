import type { Channel, Ending } from '../../../src/link/channel.js'
import type { App, Dialled, Outside, Transport } from '../../../src/link/host.js'
import { Links } from '../../../src/link/links.js'
import type { CutSpeed } from './actions.js'
import type { Clock } from './clock.js'
import type { Conversations } from './conversations.js'
import { Random } from './random.js'
import type { Server, Session, Socket, Told } from './server.js'

/** What all ends of a schedule have in common. */
export interface World {
  readonly clock: Clock
  readonly server: Server
  readonly conversations: Conversations
  hasFaults(): boolean
  /** Undefined unless somebody wants to read what happens. */
  log: ((line: string) => void) | undefined
}

/** How an end is made. */
export interface EndOptions {
  id: string
  keys: readonly string[]
  /** A client without links. */
  isRaw: boolean
  seed: number
  /** A key that the server does not let this end connect on. */
  refused?: string
  /** Of its links, in milliseconds. */
  grace?: number
}

/** A client: the machine, with simulated sockets, and an app that checks what it is told. */
export class End implements Outside, App {
  readonly name: string
  readonly wanted: Set<string>
  readonly sockets = new Set<Socket>()
  /** Raw pipes that are open, by peer and key. */
  readonly pipes = new Map<string, Socket>()
  readonly channels = new Set<Channel>()
  /** Messages that the app has not read, in order. */
  readonly unread: [Channel, number][] = []
  isPaused = false
  /** How probably the app does something while it is told something. */
  meddling = 0
  isLive = true
  session: Session | undefined
  readonly links: Links
  readonly log: ((line: string) => void) | undefined
  readonly #random: Random
  readonly #introduced = new Set<string>()
  /** Raw peers by key, for ends that dial them without a link. */
  readonly #rawKeys = new Map<string, Set<string>>()
  dials = 0
  /** Channels that ended otherwise than an app or a person wanted. */
  lost = 0

  constructor(
    readonly options: EndOptions,
    private readonly world: World,
  ) {
    this.name = `${options.id}${options.seed % 1_000}`
    this.#random = new Random(options.seed)
    this.log = world.log && ((line) => world.log?.(`${this.name} ${line}`))
    this.wanted = new Set(options.keys)
    this.links = new Links(options.grace === undefined ? {} : { grace: options.grace }, this, this)
    for (const key of options.keys) this.links.join(key)
    this.log?.(`starts with ${options.keys.join(' ')}${options.isRaw ? ', raw' : ''}`)
    this.#connect()
  }

  get id(): string {
    return this.options.id
  }

  // --- what an app does

  join(key: string): void {
    if (!this.isLive || this.wanted.has(key)) return
    this.log?.(`joins ${key}`)
    this.wanted.add(key)
    this.links.join(key)
    const { session } = this
    session?.up.carry(() => this.world.server.join(session, [key]))
  }

  leave(key: string): void {
    if (!this.isLive || !this.wanted.delete(key)) return
    this.log?.(`leaves ${key}`)
    const { session } = this
    session?.up.carry(() => this.world.server.leave(session, [key]))
    for (const name of [...this.#introduced])
      if (name.endsWith(` ${key}`)) this.#introduced.delete(name)
    for (const peers of this.#rawKeys.values()) peers.delete(key)
    this.links.leave(key)
    this.#closeRaw(key)
  }

  /** The page is closed, or the process is killed. */
  stop(isGraceful: boolean): void {
    if (!this.isLive) return
    this.log?.(isGraceful ? 'closes' : 'is killed')
    const { session, world } = this
    if (isGraceful) {
      this.links.close(1001)
      for (const socket of [...this.pipes.values()]) this.#close(socket, 1001)
    }
    this.isLive = false
    for (const socket of this.sockets) {
      socket.down.cut()
      socket.up.cut()
      world.clock.after(this.#deathTime(), () => world.server.closed(socket, 4410))
    }
    if (session) {
      session.up.cut()
      const time = isGraceful ? this.#random.between(1, 50) : this.#deathTime()
      world.clock.after(time, () => world.server.exit(session))
    }
  }

  /** The introduction socket dies. */
  cutIntroduction(): void {
    const { session, world } = this
    if (!session || !this.isLive) return
    session.up.cut()
    session.down.cut()
    world.clock.after(this.#deathTime(), () => world.server.exit(session))
    world.clock.after(this.#random.between(0, 2_000), () => {
      if (!this.isLive || this.session !== session) return
      this.log?.('has lost its introduction socket')
      this.session = undefined
      this.links.unreachable()
      world.clock.after(this.#random.between(0, 1_000), () => this.isLive && this.#connect())
    })
  }

  /** A socket dies: the server finds out some time, and the client may. */
  cut(socket: Socket, drawn: CutSpeed): void {
    const { world } = this
    // clients find out about raw pipes by means of their own
    const isRaw = socket.hello === undefined || [...this.pipes.values()].includes(socket)
    const speed = isRaw ? 'soon' : drawn
    this.log?.(`CUT ${socket.name} (${speed})`)
    socket.up.cut()
    socket.down.cut()
    const time = speed === 'soon' ? 1_500 : 45_000
    world.clock.after(this.#random.between(0, time), () => world.server.closed(socket, 4410))
    if (speed === 'mute') return
    world.clock.after(this.#random.between(0, Math.min(time, 8_000)), () => socket.ended(1006))
  }

  /** The app reads what it has not read. */
  read(): void {
    for (const [channel, cost] of this.unread.splice(0)) channel.consumed(cost)
  }

  // --- introductions

  #connect(): void {
    const { server } = this.world
    const session: Session = {
      id: this.id,
      link: this.options.isRaw ? undefined : this.links.session,
      keys: new Set(),
      down: server.wire(),
      up: server.wire(),
      told: (told) => {
        if (this.isLive && this.session === session) this.#told(session, told)
      },
    }
    this.session = session
    session.up.carry(() => server.enter(session))
  }

  #told(session: Session, told: Told): void {
    const { server, clock } = this.world
    switch (told.type) {
      case 'Welcome': {
        this.links.welcome()
        const keys = [...this.wanted]
        session.up.carry(() => {
          server.join(session, keys)
          server.ping(session)
        })
        return
      }
      case 'Pong':
        clock.after(300, () => {
          if (this.isLive && this.session === session) this.links.settled()
        })
        return
      case 'Introduction': {
        this.log?.(`is told of ${told.id} on ${told.keys.join(' ')}${told.again ? ', again' : ''}`)
        for (const key of told.keys) this.#introduced.add(`${told.id} ${key}`)
        this.#noteRaw(told.id, told.keys, told.link === undefined || this.options.isRaw)
        this.links.introduced(
          told.id,
          told.keys,
          this.options.isRaw ? undefined : told.link,
          told.again,
        )
        return
      }
      case 'Departure':
        for (const key of told.keys) this.#rawKeys.get(told.id)?.delete(key)
        this.links.departed(told.id, told.keys)
        return
      case 'Replaced':
        this.log?.(`is replaced on ${told.keys.join(' ')}`)
        for (const keys of this.#rawKeys.values()) for (const key of told.keys) keys.delete(key)
        this.links.replaced(told.keys)
        for (const key of told.keys) this.#closeRaw(key)
    }
  }

  // --- raw peers

  #closeRaw(key: string): void {
    for (const [name, socket] of [...this.pipes]) {
      if (socket.key !== key) continue
      this.pipes.delete(name)
      this.#close(socket, 1000)
      this.links.rawEnded(socket.to, key)
    }
  }

  #noteRaw(id: string, keys: readonly string[], isRaw: boolean): void {
    const known = this.#rawKeys.get(id) ?? new Set()
    this.#rawKeys.set(id, known)
    for (const key of keys.filter((each) => this.wanted.has(each))) {
      if (!isRaw) known.delete(key)
      else {
        known.add(key)
        this.#dialRaw(id, key)
      }
    }
  }

  #dialRaw(id: string, key: string): void {
    const isUnderWay = [...this.sockets].some(
      (socket) => socket.to === id && socket.key === key && socket.hello === undefined,
    )
    if (!this.isLive || !this.#rawKeys.get(id)?.has(key) || isUnderWay) return
    if (this.pipes.has(`${id} ${key}`)) return
    const socket = this.#socket(id, key, undefined, {
      paired: () => this.pipes.set(`${id} ${key}`, socket),
      received: () => {},
      ended: (code) => {
        if (this.pipes.get(`${id} ${key}`) === socket) this.pipes.delete(`${id} ${key}`)
        // published clients take it for another tab
        if (code === 4409 && this.options.isRaw) return
        this.world.clock.after(this.#random.between(0, 1_000), () => this.#dialRaw(id, key))
      },
    })
  }

  raw(id: string, key: string, transport: Transport): Dialled {
    const socket = (transport as SimulatedTransport).socket
    this.pipes.set(`${id} ${key}`, socket)
    return {
      paired: () => {},
      received: () => {},
      ended: () => {
        if (this.pipes.get(`${id} ${key}`) === socket) this.pipes.delete(`${id} ${key}`)
        this.links.rawEnded(id, key)
      },
    }
  }

  // --- sockets

  dial(id: string, key: string, hello: string, dialled: Dialled): SimulatedTransport {
    const socket = this.#socket(id, key, hello, dialled)
    return {
      socket,
      send: (record) => socket.up.carry(() => this.world.server.record(socket, record)),
      close: (code) => this.#close(socket, code),
    }
  }

  #socket(id: string, key: string, hello: string | undefined, dialled: Dialled): Socket {
    const { server } = this.world
    const alive = () => this.isLive && this.sockets.has(socket)
    const socket: Socket = {
      name: `${this.name}>${id}:${key}/${++this.dials}`,
      from: this.id,
      session: this.links.session,
      to: id,
      key,
      hello,
      down: server.wire(),
      up: server.wire(),
      mate: undefined,
      hasCarried: false,
      isGone: false,
      paired: (peer) => {
        if (alive()) dialled.paired(peer)
      },
      received: (record) => {
        if (!alive()) return
        socket.hasCarried = true
        dialled.received(record)
      },
      ended: (code) => {
        if (!alive()) return
        this.log?.(`${socket.name} has ended with ${code}`)
        this.sockets.delete(socket)
        dialled.ended(code)
      },
    }
    this.log?.(`dials ${socket.name}`)
    this.sockets.add(socket)
    socket.up.carry(() => {
      if (key !== this.options.refused) return server.dial(socket)
      socket.isGone = true
      socket.down.carry(() => {
        socket.ended(4403)
        this.links.refused(id, key)
      })
    })
    return socket
  }

  #close(socket: Socket, code: number): void {
    if (!this.sockets.delete(socket)) return
    this.log?.(`closes ${socket.name} with ${code}`)
    socket.up.carry(() => this.world.server.closed(socket, code))
  }

  /** What an app may do at any moment, inside a callback as well. */
  #meddle(channel: Channel): void {
    if (this.meddling === 0 || !this.#random.chance(this.meddling)) return
    const key = this.#random.pick(['1', '2', '3'])
    switch (this.#random.below(5)) {
      case 0:
        return channel.close()
      case 1:
        return this.leave(this.#random.chance(0.5) ? channel.key : key)
      case 2:
        return this.join(key)
      default:
        if (this.channels.has(channel)) this.world.conversations.send(channel, 30, true)
    }
  }

  // --- outside

  now(): number {
    return this.world.clock.now
  }

  after(milliseconds: number, run: () => void): () => void {
    return this.world.clock.after(milliseconds, () => this.isLive && run())
  }

  soon(run: () => void): void {
    this.world.clock.soon(() => this.isLive && run())
  }

  random(): number {
    return this.#random.next()
  }

  randomBytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.#random.below(256))
  }

  isSlow(): boolean {
    return false
  }

  // --- app

  opened(channel: Channel): void {
    this.log?.(`open ${channel.id} ${channel.key} (${channel.number})`)
    if (!this.#introduced.has(`${channel.id} ${channel.key}`)) {
      this.world.conversations.fail(`${this.name}: ${channel.key} was never introduced`)
    }
    for (const { id, key } of this.channels) {
      if (id === channel.id && key === channel.key) {
        this.world.conversations.fail(`${this.name}: ${key} is open twice`)
      }
    }
    this.channels.add(channel)
    this.world.conversations.opened(this.name, this.links.session, channel)
    this.#meddle(channel)
  }

  message(channel: Channel, data: string | Uint8Array, cost: number): void {
    this.world.conversations.received(this.name, channel, data)
    if (this.isPaused) this.unread.push([channel, cost])
    else channel.consumed(cost)
    this.#meddle(channel)
  }

  closed(channel: Channel, { why, code }: Ending): void {
    this.log?.(`closed ${channel.id} ${channel.key} (${channel.number}): ${why} ${code}`)
    if (!this.channels.delete(channel)) {
      this.world.conversations.fail(`${this.name}: a channel is closed twice, or never opened`)
    }
    if (why === 'lost') this.#checkLost(channel)
    this.world.conversations.closed(channel, why)
    this.#meddle(channel)
  }

  /** A link that works must not be lost. */
  #checkLost(channel: Channel): void {
    this.lost++
    const works = [...this.sockets].some(({ hasCarried, mate, up, down }) => {
      const isWhole = [up, down, mate?.up, mate?.down].every((wire) => wire?.isCut === false)
      return mate?.session === channel.session && isWhole && hasCarried && mate.hasCarried
    })
    if (works && this.world.conversations.other(channel)?.state === 'open') {
      this.world.conversations.fail(`${this.name}: ${channel.key} was lost, though its link works`)
    }
  }

  failed(_id: string, code: string, sentence: string): void {
    this.world.conversations.fail(`${this.name}: ${code}: ${sentence}`)
  }

  #deathTime(): number {
    return this.world.hasFaults() ? this.#random.between(0, 45_000) : this.#random.between(0, 100)
  }
}

interface SimulatedTransport extends Transport {
  readonly socket: Socket
}
