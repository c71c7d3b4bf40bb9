import { Server } from 'engine.io'
import type { EndpointContext } from 'signal-server'
import type { WebSocketServer } from 'ws'
import type { RoomsSettings } from './options.js'

/**
 * The engine below socket.io: WebSockets of our own, long polling, and pings.
 *
 * @param draining - whether nobody is let in any more
 */
export function makeEngine(
  webSockets: WebSocketServer,
  context: EndpointContext,
  settings: RoomsSettings,
  draining: () => boolean,
): Server {
  const { origins, pingInterval, pongTimeout } = context.settings
  return new Server({
    // of the version that bounds the memory of hostile fragments, whatever engine.io brings itself
    wsEngine: class {
      constructor() {
        return webSockets
      }
    },
    pingInterval,
    pingTimeout: pongTimeout,
    maxHttpBufferSize: settings.maxMessageBytes,
    // WebSockets are not compressed either: it takes memory and time that nothing counts
    httpCompression: false,
    cors: { origin: origins.length > 0 ? [...origins] : '*' },
    allowRequest: ({ headers: { origin } }, answer) => {
      const allowed = origins.length === 0 || origin === undefined || origins.includes(origin)
      if (!allowed) answer('Pages of this origin are not allowed here.', false)
      else if (draining()) answer('The server restarts.', false)
      else answer(null, true)
    },
  })
}
