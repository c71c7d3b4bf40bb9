import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import express, { type Express, type Router } from 'express'
import { Connections } from './http/connections.js'
import type { SocketLimits } from './limits/socket-limits.js'
import { bind, type Place } from './bind.js'
import { listeningUrl } from './listening-url.js'
import { OpenAnswers } from './open-answers.js'
import type { Settings } from './options.js'
import { SlicedWork } from './limits/sliced-work.js'
import type { Worker } from './workers/worker.js'

/** Where a server listens. */
export interface ListenOptions {
  /** 0 takes any free one. @default 8080, if there is no `socket` */
  port?: number
  /**
   * The path of a Unix socket or a named pipe, or a descriptor that listens already (systemd's socket
   * activation), instead of a port. No client has an address then, except behind a proxy that
   * `trustProxy` names by number. @default none
   */
  socket?: string | { fd: number }
  /** Address or name of an interface. @default all */
  host?: string
  /** Below which everything is, such as `/signal`. @default / */
  path?: string
  /** Key and certificate (PEM), for HTTPS and WSS. @default plain HTTP */
  tls?: { key: string | Buffer; cert: string | Buffer }
  /** An Express app whose routes come before the server's own. @default none */
  app?: Express
  /** Gets its sockets from here, instead of listening itself. @default none */
  worker?: Worker
}

// an answer that its client does not read must not hold up the end
const lastAnswersTimeout = 2_000

/** A server that listens. */
export interface Listening {
  url: string
  /** 0 if it does not listen on a port. */
  port: number
  close(): Promise<void>
}

/**
 * Makes an HTTP server, hands it to `attach`, and listens.
 *
 * @param attach - takes the server's upgrades, and gives the way to give them back
 * @param limits - count its connections
 * @param settings - of which `headersTimeout` is what a request has for its headers; the 408 comes up
 *   to one checking interval (1 s at most) after that
 * @param fault - told of errors while it listens, such as a want of file descriptors
 * @throws Error with a sentence that says what to do; its `code` is the system's
 */
export async function listen(
  router: Router,
  attach: (server: Server) => () => void,
  limits: SocketLimits,
  settings: Settings,
  fault: (error: Error) => void,
  options: ListenOptions,
): Promise<Listening> {
  const { port = 8080, socket, host, path = '/', tls, app = express(), worker } = options
  checkSocket(options)
  app.disable('x-powered-by')
  app.use(path || '/', router)
  app.use((_request, response) => {
    response.status(404).json({ error: 'not_found', message: 'There is nothing here.' })
  })
  const { headersTimeout } = settings
  // Node looks for late requests once per interval, so the 408 comes between headersTimeout and
  // headersTimeout + interval: 5 to 6 s by default. The 7 s of docs/PROTOCOL.md leave a busy machine 1 s.
  const times = {
    headersTimeout,
    requestTimeout: headersTimeout * 2,
    connectionsCheckingInterval: Math.ceil(Math.min(1_000, headersTimeout / 4)),
    maxHeaderSize: 16 * 1024,
  }
  const answers = new OpenAnswers()
  const work = new SlicedWork()
  const connections = new Connections(limits, settings, (request, response) => {
    answers.add(response)
    const of = limits.limited(request) ?? request.socket
    work.run(answer(app, request, response), undefined, { of })
  })
  const server = tls
    ? createTlsServer({ ...times, ...tls, handshakeTimeout: headersTimeout }, connections.request)
    : createServer(times, connections.request)
  connections.watch(server, tls !== undefined)
  const release = attach(server)
  // of a worker every connection brings one request
  if (worker && !tls) server.prependListener('connection', (socket: Socket) => answers.add(socket))
  const place: Place = worker
    ? { port: worker.port }
    : await bind(server, socket ?? { port, host }).catch((error: unknown) => {
        release()
        throw error
      })
  // without a listener it would end the process
  server.on('error', fault)
  // of a connection that goes on, a later request may belong to another worker
  if (worker && !tls) server.maxRequestsPerSocket = 1
  worker?.feed(server)
  return {
    url:
      'file' in place
        ? `unix:${place.file}`
        : listeningUrl({ host, port: place.port, path, tls: tls !== undefined }),
    port: 'file' in place ? 0 : place.port,
    close: async () => {
      await worker?.leave()
      // of a connection that goes on, the next request would find nobody
      server.prependListener('request', (_request, response: ServerResponse) => {
        response.shouldKeepAlive = false
      })
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await answers.settle(lastAnswersTimeout)
      release()
      server.closeAllConnections()
      await closed
    },
  }
}

/** @throws TypeError if an option has no meaning for a socket, and would be ignored */
function checkSocket({ socket, tls, port, host }: ListenOptions): void {
  if (socket === undefined) return
  if (tls)
    throw new TypeError('"tls" needs a port: let the proxy in front of the socket speak TLS.')
  const [name] = Object.entries({ port, host }).find(([, given]) => given !== undefined) ?? []
  if (name !== undefined) {
    throw new TypeError(`"${name}" has no meaning beside "socket": leave one of the two out.`)
  }
}

/** One request, as work: thousands that come at once keep nobody else waiting. */
function* answer(
  app: RequestListener,
  request: IncomingMessage,
  response: ServerResponse,
): Generator<void, void, void> {
  if (!request.socket.destroyed) app(request, response)
  yield
}
