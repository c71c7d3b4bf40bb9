import { ServerResponse, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'

/** Takes an upgrade, or leaves it to the others by returning false. */
export type UpgradeHandler = (request: IncomingMessage, socket: Socket, head: Buffer) => boolean

/** Answers an upgrade that nobody takes. */
export type NobodyHandler = (request: IncomingMessage, socket: Socket) => void

interface Dispatch {
  handlers: Map<UpgradeHandler, NobodyHandler>
  release: () => void
}

const dispatches = new WeakMap<Server, Dispatch>()

/**
 * Looks at a server's upgrades before its other `upgrade` listeners do, whenever they were added.
 * A listener cannot keep an upgrade from the others (one of which may end a socket that it does
 * not know while an authorisation runs), so the emission itself is intercepted, on this one object.
 *
 * @returns gives back what was intercepted
 */
export function interceptUpgrades(
  server: Server,
  handler: UpgradeHandler,
  nobody: NobodyHandler,
): () => void {
  let dispatch = dispatches.get(server)
  if (!dispatch) dispatches.set(server, (dispatch = intercept(server)))
  const { handlers, release } = dispatch
  handlers.set(handler, nobody)
  return () => {
    if (!handlers.delete(handler) || handlers.size > 0) return
    dispatches.delete(server)
    release()
  }
}

function intercept(server: Server): Dispatch {
  const handlers: Dispatch['handlers'] = new Map()
  const own = Object.getOwnPropertyDescriptor(server, 'emit')
  const original = server.emit.bind(server) as (...args: unknown[]) => boolean

  const emit = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event === 'upgrade') {
      const [request, socket, head] = args as [IncomingMessage, Socket, Buffer]
      if (isForWebSocket(request)) {
        for (const handler of handlers.keys()) if (handler(request, socket, head)) return true
      }
    }
    return original(event, ...args)
  }
  // Node looks for a listener before it emits; this one answers where it is the only one
  const listener = (request: IncomingMessage, socket: Socket) => {
    if (server.listenerCount('upgrade') > 1) return
    if (isForWebSocket(request) || hasBody(request)) [...handlers.values()][0]?.(request, socket)
    else answerPlainly(server, request, socket)
  }
  server.emit = emit
  server.on('upgrade', listener)

  const release = () => {
    server.off('upgrade', listener)
    // where somebody has wrapped ours since, it stays in the chain and passes everything on
    if (server.emit !== emit) return
    if (own) Object.defineProperty(server, 'emit', own)
    else Reflect.deleteProperty(server, 'emit')
  }
  return { handlers, release }
}

const isForWebSocket = ({ headers }: IncomingMessage) => /websocket/i.test(headers.upgrade ?? '')

const hasBody = ({ headers }: IncomingMessage) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/**
 * Some clients offer HTTP/2 with each request (`Upgrade: h2c`), which a server may ignore (RFC 9110
 * §7.8). Without our listener Node would have: so the app answers it as the plain request it is. If
 * the answer to an earlier request of the connection is not finished, the connection ends: Node has
 * let go of it, and would not send this answer after that one.
 */
function answerPlainly(server: Server, request: IncomingMessage, socket: Socket): void {
  socket.on('error', () => socket.destroy())
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  try {
    response.assignSocket(socket)
  } catch {
    socket.destroy()
    return
  }
  // it stays with its socket, whose end closes it: whatever counts the answer waits for that
  response.once('finish', () => socket.end(() => socket.destroy()))
  server.emit('request', request, response)
}
