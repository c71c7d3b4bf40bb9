import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import debug from 'debug'
import type { Server as EngineServer, Socket as EngineSocket } from 'engine.io'
import express, { Router } from 'express'
import {
  appTokens,
  checkOptions,
  Exchange,
  hasEnded,
  Rank,
  reportFault,
  SlicedWork,
  type Claim,
  type Endpoint,
  type EndpointContext,
  type EndpointFactory,
  type ExchangeHandler,
  type Monitored,
  type Upgrade,
} from 'signal-server'
import { Server } from 'socket.io'
import type { WebSocketServer } from 'ws'
import { Asks } from './asks.js'
import { Authorization } from './authorization.js'
import { Cluster } from './cluster.js'
import { makeEngine } from './engine.js'
import { RoomConnection } from './connection.js'
import { mostAttachments, sizeOf } from './event-size.js'
import { countPolling, endClosing, limitClosing } from './engine-limits.js'
import { instanceMessages } from './instance-messages.js'
import { Membership } from './membership.js'
import { OwnerRequests } from './owner-requests.js'
import { roomsDefaults, type RoomsOptions, type RoomsSettings } from './options.js'
import { RoomEvents } from './room-events.js'
import { RoomNews } from './room-news.js'
import { Rooms } from './rooms.js'
import type { Session } from './session.js'
import type { RoomServer, RoomSocket } from './socket.js'
import { isRoomKey } from './standing.js'
import { makeWebSockets } from './web-sockets.js'
import { Turns } from './turns.js'

/**
 * The protocol of wrtc-signal: rooms over socket.io 4, whose owner decides who comes in (README.md,
 * /socket.io).
 */
export function rooms(options: RoomsOptions): EndpointFactory {
  checkOptions('rooms', options, '{ tokens }')
  return (context) => new RoomsEndpoint(context, { ...roomsDefaults, ...options })
}

const clientScripts = join(
  dirname(createRequire(import.meta.url).resolve('socket.io/package.json')),
  'client-dist',
)

class RoomsEndpoint implements Endpoint {
  readonly name = 'rooms'
  readonly authorizesItself = true
  readonly path: string
  readonly router: Router
  readonly #webSockets: WebSocketServer
  readonly #engine: EngineServer
  readonly #io: RoomServer
  readonly #exchange: Exchange | undefined
  readonly #instanceMessages: ExchangeHandler
  readonly #membership: Membership
  readonly #rooms: Rooms
  readonly #events: RoomEvents
  readonly #authorization: Authorization
  readonly #work = new SlicedWork()
  readonly #turns = new Turns()
  readonly #connections = new Map<EngineSocket, RoomConnection>()
  readonly #admitted = new WeakMap<RoomSocket, Session>()
  readonly #sessions = new Map<string, Session>()
  readonly #log = debug('signal:rooms')
  #roomCount = 0
  #draining = false

  constructor(
    private readonly context: EndpointContext,
    private readonly settings: RoomsSettings,
  ) {
    const { tokens, password, path, maxMembers } = settings
    this.path = path
    this.#webSockets = makeWebSockets(context, settings)
    this.#engine = makeEngine(this.#webSockets, context, settings, () => this.#draining)
    this.#io = new Server({
      // its first packet, which has its token, comes right behind the connection
      connectTimeout: context.settings.authorizeTimeout,
      serveClient: false,
    })
    this.#countRooms()
    this.#io.bind(this.#engine)
    this.#engine.on('connection', (socket: EngineSocket) => this.#connected(socket))
    const { instances } = context
    this.#exchange = instances && new Exchange(instances, this.name)
    const cluster = new Cluster(this.#io, this.#exchange)
    const authorization = (this.#authorization = new Authorization(settings))
    const asks = new Asks(context.budget)
    const requests = new OwnerRequests(this.#io, cluster, asks, this.#turns)
    const news = new RoomNews(this.#io, this.#work)
    const membership = (this.#membership = new Membership(
      news,
      this.#sessions,
      instances,
      (key, id) => requests.ownerGone(key, id),
    ))
    this.#rooms = new Rooms(cluster, this.#sessions, membership, news, asks, requests, maxMembers)
    this.#instanceMessages = instanceMessages(
      cluster,
      this.#rooms,
      membership,
      news,
      this.#sessions,
    )
    this.#events = new RoomEvents(this.#rooms, authorization, context, settings)
    this.#io.use((socket, next) => {
      void authorization
        .admit(socket, this.#connections.get(socket.conn))
        .then((session) => this.#admitted.set(socket, session))
        .then(() => next(), next)
    })
    this.#io.on('connection', (socket) => this.#come(socket))

    this.router = Router()
    this.router.all(path, (request, response) => this.#engine.handleRequest(request, response))
    this.router.use(path, express.static(clientScripts, { index: false, redirect: false }))
    if (password !== undefined) {
      const { settings, events } = context
      const { trustProxy } = settings
      this.router.use(appTokens({ tokens, password, trustProxy, events }))
    }
    context.heartbeat.add(this.#onBeat)
  }

  match(path: string): Claim | undefined {
    const known = path === this.path || path === `${this.path}/`
    return known ? { endpoint: this.name } : undefined
  }

  accept({ request, socket, head, place }: Upgrade): void {
    // clients that do not say soon who they are do not stay: the server need not tell them apart
    place.rank = Rank.active
    this.#engine.handleUpgrade(request, socket, head)
  }

  drain(): Promise<void> {
    this.#draining = true
    // a client whose transport closes comes back by itself, one that is disconnected does not
    for (const connection of this.#connections.keys()) {
      this.context.outcomes.count('restarted')
      connection.close()
    }
    return Promise.resolve()
  }

  close(): void {
    this.#draining = true
    this.#work.close()
    this.#turns.close()
    this.context.heartbeat.remove(this.#onBeat)
    this.#engine.close()
    for (const connection of this.#connections.keys()) endClosing(connection)
    void this.#io.close()
    // also those that have not answered a close frame yet
    for (const ws of this.#webSockets.clients) ws.terminate()
    this.#exchange?.close()
  }

  stats(): Record<string, number> {
    const { size: connections } = this.#connections
    return { connections, sessions: this.#sessions.size, rooms: this.#roomCount }
  }

  /** Counts rooms, for one address may have a hundred thousand of them, and each metric asks. */
  #countRooms(): void {
    const { adapter } = this.#io.of('/')
    const counts = { 'create-room': 1, 'delete-room': -1 }
    for (const [event, more] of Object.entries(counts)) {
      adapter.on(event, (name: string) => (this.#roomCount += isRoomKey(name) ? more : 0))
    }
  }

  /** A connection of engine.io, by WebSocket, or by long polling at first. */
  #connected(socket: EngineSocket): void {
    const { context, settings } = this
    const connection = new RoomConnection(socket, context, settings, this.#turns, this.#work)
    this.#connections.set(socket, connection)
    socket.once('close', () => this.#connections.delete(socket))
    if (socket.transport.name !== 'polling') return
    limitClosing(socket, context.settings.closeTimeout)
    countPolling(socket, context, ({ message }) => this.#log('refused: %s', message))
  }

  #come(socket: RoomSocket): void {
    // the packet that tells its client of the session may be what the connection is ended for
    if (socket.conn.readyState !== 'open') return void socket.disconnect()
    const session = this.#admitted.get(socket)!
    this.#exchange?.serve(this.#instanceMessages)
    const connection = this.#connections.get(socket.conn)
    this.#sessions.set(session.id, session)
    this.#log('%s has come', session.id)
    session.charge = (bytes) => connection?.charge(bytes)
    if (connection) connection.disconnect = () => socket.disconnect(true)
    socket.onAny((name: unknown, data: unknown) => {
      const { maxMessageBytes } = this.settings
      const { bytes, memory, attachments } = sizeOf([name, data], maxMessageBytes)
      // what a member cannot be sent must not be sent to it
      const tooMuch = bytes > maxMessageBytes || attachments > mostAttachments
      if (tooMuch) return connection?.refuse('bad_message')
      const carriedOut = this.#events
        .carryOut(session, { name, data })
        .catch((error: unknown) => reportFault(this.context.events, error))
      connection?.carryOut(memory, carriedOut)
    })
    socket.once('disconnecting', (reason) => {
      this.#log('%s is gone: %s', session.id, reason)
      this.#authorization.release(socket)
      this.#sessions.delete(session.id)
      this.#rooms.leave(session)
    })
  }

  /** Never silent itself: engine.io has pings of its own. */
  readonly #onBeat: Monitored = {
    heard: true,
    lastHeard: 0,
    pingedAt: 0,
    ping: () => false,
    lapsed: () => {},
    beat: (now, elapsed) => {
      this.#membership.beat()
      for (const connection of this.#connections.values()) connection.beat(elapsed)
      for (const { grant, socket } of this.#sessions.values()) {
        if (!hasEnded(grant, now)) continue
        this.context.outcomes.count('grant_ended')
        socket.emit('unauthorized', { message: 'Token is not valid' })
        socket.disconnect(true)
      }
    },
  }
}
