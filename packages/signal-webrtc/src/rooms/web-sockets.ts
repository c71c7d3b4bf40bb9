import { LastPong, Pace, type EndpointContext } from 'signal-server'
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws'
import type { RoomsSettings } from './options.js'

// browsers send none, and other clients one in some seconds
const pingsPerSecond = 20
const pingsBurst = 1_000
const mostPieces = 4_096

// options of ws that its types do not know yet (@types/ws 8.18)
interface Bounds {
  closeTimeout: number
  maxBufferedChunks: number
  maxFragments: number
}

/** The WebSockets below socket.io, whose pings engine.io does not see. */
export function makeWebSockets(context: EndpointContext, settings: RoomsSettings): WebSocketServer {
  const options: ServerOptions & Bounds = {
    noServer: true,
    perMessageDeflate: false,
    maxPayload: settings.maxMessageBytes,
    closeTimeout: context.settings.closeTime,
    // a message of many small pieces must not cost many times its size
    maxBufferedChunks: mostPieces,
    maxFragments: mostPieces,
    autoPong: false,
  }
  return new AnsweringServer(options, (ws) => answerPings(ws, context))
}

class AnsweringServer extends WebSocketServer {
  constructor(
    options: ServerOptions,
    private readonly come: (ws: WebSocket) => void,
  ) {
    super(options)
  }

  override handleUpgrade(
    ...[request, socket, head, callback]: Parameters<WebSocketServer['handleUpgrade']>
  ): void {
    super.handleUpgrade(request, socket, head, (ws, same) => {
      this.come(ws)
      callback(ws, same)
    })
  }
}

function answerPings(ws: WebSocket, { outcomes }: EndpointContext): void {
  const pace = new Pace(pingsPerSecond, pingsBurst)
  const pong = new LastPong(ws)
  ws.on('ping', (ping) => {
    if (ws.readyState !== ws.OPEN) return
    pong.answer(ping)
    if (pace.spend(1) === 0) return
    outcomes.count('rate_limited')
    ws.terminate()
  })
}
