import { EventEmitter } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import type { Router } from 'express'
import type { IceServer } from 'signal-server-protocol'
import { Admission } from './upgrade/admission.js'
import { checkAttachment, checkOptions } from './attachment.js'
import { Instances } from './cluster/instances.js'
import { ByteBudget } from './limits/byte-budget.js'
import { ConnectionEndpoint } from './connection/connection-endpoint.js'
import type { Endpoint, EndpointContext, EndpointFactory } from './endpoint.js'
import { checkPlace } from './endpoint-place.js'
import { reportFault, type SignalServerEvents } from './events.js'
import { Heartbeat } from './limits/heartbeat.js'
import { httpRouter } from './http/router.js'
import { signalV1 } from './introduction/dialects/signal-v1.js'
import { IntroductionEndpoint } from './introduction/introduction-endpoint.js'
import { listen, type ListenOptions, type Listening } from './listen.js'
import type { Holding } from './limits/holders.js'
import type { Full } from './limits/slots.js'
import { log } from './log.js'
import type { SignalServerOptions } from './options.js'
import { belowMount, mountPath, notFound, pathOf } from './upgrade/path.js'
import { ReadingSlices } from './limits/reading-slices.js'
import { settingsFrom } from './settings.js'
import { Outcomes, type Limits, type Stats } from './stats.js'
import { interceptUpgrades } from './upgrade/upgrade-dispatch.js'
import { Upgrades } from './upgrade/upgrade.js'
import { version } from './version.js'

/**
 * Introduces peers that want the same keys, and pipes their connections together. Listens by
 * itself ({@link listen}), or is part of an app that exists ({@link mount}, {@link attach}).
 */
export class SignalServer extends EventEmitter<SignalServerEvents> {
  readonly #context: EndpointContext
  readonly #endpoints: Endpoint[] = []
  readonly #admission: Admission
  readonly #upgrades: Upgrades
  readonly #iceServers: () => readonly IceServer[]
  readonly #startedAt = Date.now()
  readonly #releases = new Set<() => void>()
  #router: Router | undefined
  #listening: Promise<Listening> | undefined
  #closed: Promise<void> | undefined

  /** @throws TypeError that names the option which is wrong */
  constructor(options: SignalServerOptions = {}) {
    super()
    const settings = settingsFrom(options)
    const budget = new ByteBudget(settings.maxBufferedBytes)
    this.#context = {
      settings,
      heartbeat: new Heartbeat(settings.pingInterval, settings.pongTimeout),
      budget,
      reading: new ReadingSlices(budget),
      outcomes: new Outcomes(),
      events: this,
      instances: settings.bus && new Instances(settings.bus),
      enter: (request, shed) => this.#admission.enterWithoutSocket(request, shed),
      limited: (request) => this.#admission.limits.limited(request),
    }
    this.#admission = new Admission(settings, this.#endpoints, this)
    this.#upgrades = new Upgrades(this.#admission, this.#context.outcomes, this)

    this.on('token', ({ outcome }) => this.#context.outcomes.count(outcome))
    const { iceServers } = settings
    this.#iceServers = () => {
      try {
        return typeof iceServers === 'function' ? iceServers() : iceServers
      } catch (error) {
        reportFault(this, error)
        return []
      }
    }
    const v1 = signalV1({ name: 'signal-server', version }, this.#iceServers)
    const introductions = new IntroductionEndpoint(this.#context, v1)
    this.#endpoints.push(
      introductions,
      new ConnectionEndpoint(this.#context, ({ app, localId, remoteId, key }) =>
        introductions.introduceAgain(app, localId, remoteId, key),
      ),
    )
  }

  /**
   * Plugs an endpoint in; before the server listens or is mounted.
   * @throws TypeError if the server or another endpoint has its path
   */
  use(factory: EndpointFactory): this {
    if (this.#router) throw new Error('use() must come before listen(), mount() and router.')
    const endpoint = factory(this.#context)
    checkPlace(endpoint, this.#endpoints)
    this.#endpoints.push(endpoint)
    return this
  }

  /**
   * Listens on a port of its own.
   * @returns where; rejects with a sentence that says what to do, as if the port is busy
   */
  async listen(options: ListenOptions = {}): Promise<{ url: string; port: number }> {
    this.#checkNotClosed()
    if (this.#listening) throw new Error('This server listens already.')
    checkOptions('listen', options, '{ port: 3000 }')
    const { settings } = this.#context
    const path = mountPath(options.path ?? '/')
    const attach = (server: Server) => this.#intercept(server, path)
    const fault = (error: Error) => reportFault(this, error)
    const { limits } = this.#admission
    this.#listening = listen(this.router, attach, limits, settings, fault, { ...options, path })
    try {
      const { url, port } = await this.#listening
      this.#checkNotClosed()
      log.server('listening at %s', url)
      this.emit('listening', { url })
      return { url, port }
    } catch (error) {
      this.#listening = undefined
      throw error
    }
  }

  /**
   * Becomes part of an Express app: its HTTP side as a router, its WebSocket endpoints on the
   * app's server.
   *
   * @param path - below which everything is, such as `/signal`
   */
  mount(app: { use(path: string, router: Router): unknown }, server: Server, path = '/'): this {
    app.use(path, this.router)
    return this.attach(server, { path })
  }

  /**
   * Takes the upgrades below a path of an HTTP server; those elsewhere stay with the server's
   * other listeners, whether they were added before or will be.
   *
   * @throws TypeError if that is no HTTP server, such as an Express app, or the options are no object
   */
  attach(server: Server, options: { path?: string } = {}): this {
    this.#checkNotClosed()
    checkAttachment(server, options)
    this.#intercept(server, mountPath(options.path ?? '/'))
    return this
  }

  /** The HTTP side, for an Express app (4 or 5): `app.use('/signal', server.router)`. */
  get router(): Router {
    const routers = this.#endpoints.flatMap(({ router }) => router ?? [])
    return (this.#router ??= httpRouter(
      this.#admission,
      this.#iceServers,
      this.#context.instances,
      routers,
    ))
  }

  /**
   * Places for requests that last, such as streams of events: a newcomer gets the place of the
   * oldest one if all are taken, and one address does not get them all.
   *
   * @param max - places
   * @returns takes a place, which is given back by setting its `amount` to 0. `shed` ends the
   * request. The answer is a string if there is no place.
   */
  places(max: number): (request: IncomingMessage, shed: () => void) => Holding | Full {
    return this.#admission.limits.places(max)
  }

  /** Whether it lets nobody in any more. */
  get draining(): boolean {
    return this.#admission.draining
  }

  /** The limits that all clients share, beside which {@link stats} says what is used of them. */
  get limits(): Limits {
    const { maxSockets, maxBufferedBytes } = this.#context.settings
    return {
      connections: maxSockets,
      bufferedBytes: maxBufferedBytes,
      endpoints: Object.fromEntries(this.#endpoints.map((e) => [e.name, { ...e.limits }])),
    }
  }

  /** A snapshot: what is there now, and what has happened since the start. */
  stats(): Stats {
    const { outcomes, budget } = this.#context
    return {
      sockets: this.#admission.limits.sockets,
      connections: this.#admission.limits.connections,
      bufferedBytes: budget.used,
      pipedBytes: outcomes.pipedBytes,
      pipedMessages: outcomes.pipedMessages,
      introductionMessages: outcomes.introductionMessages,
      uptime: (Date.now() - this.#startedAt) / 1_000,
      endpoints: Object.fromEntries(this.#endpoints.map((e) => [e.name, e.stats()])),
      outcomes: outcomes.snapshot(),
    }
  }

  /**
   * Sends its clients away before a restart: nobody comes in, introductions are closed (1012),
   * pipes may end by themselves within the drain timeout. Resolves when all are gone.
   */
  async drain(): Promise<void> {
    this.#admission.draining = true
    log.server('draining')
    await Promise.all(this.#endpoints.map((endpoint) => endpoint.drain()))
  }

  /** Ends every socket, timer and listener of its own, and frees the port. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#admission.draining = true
    this.#upgrades.close()
    for (const endpoint of this.#endpoints) endpoint.close()
    this.#context.reading.close()
    this.#context.instances?.close()
    this.#context.heartbeat.close()
    const listening = await this.#listening?.catch(() => undefined)
    await listening?.close()
    for (const release of this.#releases) release()
    log.server('closed')
    this.emit('close')
  }

  #intercept(server: Server, mount: string): () => void {
    const release = interceptUpgrades(
      server,
      (request, socket, head) => {
        const whole = pathOf(request.url ?? '')
        const below = whole === undefined ? undefined : belowMount(mount, whole)
        if (below === undefined) return false
        // at the root only what an endpoint knows is ours
        return this.#upgrades.take(request, socket, head, below, mount === '')
      },
      (request, socket) => {
        socket.on('error', (error) => log.upgrade('%s', error.message))
        this.#upgrades.refuse(request, socket, notFound(pathOf(request.url ?? '') ?? ''))
      },
    )
    const releaseOnce = () => {
      if (this.#releases.delete(releaseOnce)) release()
    }
    this.#releases.add(releaseOnce)
    return releaseOnce
  }

  #checkNotClosed(): void {
    if (this.#closed) throw new Error('This server was closed.')
  }
}
