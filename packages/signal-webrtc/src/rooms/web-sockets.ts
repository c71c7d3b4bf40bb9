import type { Socket } from 'node:net'
import { LastPong, TokenBucket, Share, UnfinishedFrames, type EndpointContext } from 'signal-server'
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws'
import type { RoomsSettings } from './options.js'

// pings and pongs together: browsers send no pings, other clients send one in some seconds, and a
// client answers the few pings of the server
const pingsPerSecond = 20
const pingsBurst = 1_000
const mostPieces = 4_096

// options of ws that its types do not know yet (@types/ws 8.18)
interface Bounds {
  closeTimeout: number
  maxBufferedChunks: number
  maxFragments: number
}

/** The WebSockets below socket.io, whose pings and pongs engine.io does not see. */
export function makeWebSockets(context: EndpointContext, settings: RoomsSettings): WebSocketServer {
  const options: ServerOptions & Bounds = {
    noServer: true,
    perMessageDeflate: false,
    maxPayload: settings.maxMessageBytes,
    closeTimeout: context.settings.closeTimeout,
    // a message of many small pieces must not cost many times its size
    maxBufferedChunks: mostPieces,
    maxFragments: mostPieces,
    autoPong: false,
  }
  return new AnsweringServer(options, (ws, socket) => {
    context.reading.add(socket)
    countUnfinished(ws, socket, context)
    answerPings(ws, socket, context)
  })
}

class AnsweringServer extends WebSocketServer {
  constructor(
    options: ServerOptions,
    private readonly come: (ws: WebSocket, socket: Socket) => void,
  ) {
    super(options)
  }

  override handleUpgrade(
    ...[request, socket, head, callback]: Parameters<WebSocketServer['handleUpgrade']>
  ): void {
    super.handleUpgrade(request, socket, head, (ws, same) => {
      // without TLS, or with it: node:http hands over nothing else
      this.come(ws, socket as Socket)
      callback(ws, same)
    })
  }
}

/** Counts what ws keeps of messages of which only a part has come. */
function countUnfinished(ws: WebSocket, socket: Socket, { budget }: EndpointContext): void {
  const unfinished = new UnfinishedFrames(ws, socket)
  const share = new Share(budget)
  socket.on('data', () => share.set(unfinished.cost))
  socket.once('close', () => share.set(0))
}

/** Answers pings. They and pongs have a rate, as each of them costs time. */
function answerPings(ws: WebSocket, socket: Socket, { outcomes }: EndpointContext): void {
  const bucket = new TokenBucket(pingsPerSecond, pingsBurst)
  const pong = new LastPong(ws)
  let pongs = 0
  let ended = false
  const charge = (count: number) => {
    if (ended || bucket.spend(count) === 0) return
    ended = true
    outcomes.count('rate_limited')
    ws.terminate()
  }
  ws.on('ping', (ping) => {
    if (ws.readyState === ws.OPEN) pong.answer(ping)
    charge(1)
  })
  ws.on('pong', () => pongs++)
  // together, for ten thousand may come in one chunk
  socket.on('data', () => {
    if (pongs > 0) charge(pongs)
    pongs = 0
  })
}
