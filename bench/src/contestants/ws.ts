/**
 * What one would write with `ws` in an afternoon, with care: two requests are paired by their path,
 * each message is assembled and sent on, and a reader that falls behind pauses the writer.
 */
import { WebSocketServer, type WebSocket } from 'ws'
import { createWebServer, listen } from './serve.js'

const mostBuffered = 1024 * 1024
const waiting = new Map<string, WebSocket>()
const server = createWebServer()

function pipe(from: WebSocket, to: WebSocket): void {
  from.on('message', (data, isBinary) => {
    if (to.bufferedAmount < mostBuffered) return to.send(data, { binary: isBinary })
    from.pause()
    to.send(data, { binary: isBinary }, () => from.resume())
  })
  from.on('close', () => to.close())
}

new WebSocketServer({ server }).on('connection', (socket, request) => {
  socket.on('error', () => socket.terminate())
  const [, , own, other, key] = (request.url ?? '').split('/')
  const partner = waiting.get(`${other}/${own}/${key}`)
  if (!partner) {
    waiting.set(`${own}/${other}/${key}`, socket)
    return
  }
  waiting.delete(`${other}/${own}/${key}`)
  pipe(socket, partner)
  pipe(partner, socket)
})

listen(server)
