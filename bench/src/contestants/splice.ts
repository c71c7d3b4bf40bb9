/**
 * The floor in Node: two TCP connections whose first line is the same are joined, and bytes pass
 * as they are. No WebSocket, no checks.
 */
import { createServer as createTcpServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { listen, tls } from './serve.js'

const waiting = new Map<string, Socket>()

function accept(socket: Socket): void {
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.once('data', (bytes: Buffer) => {
    const end = bytes.indexOf('\n')
    const name = bytes.subarray(0, end).toString('latin1')
    if (bytes.length > end + 1) socket.unshift(bytes.subarray(end + 1))
    const partner = waiting.get(name)
    if (!partner) {
      waiting.set(name, socket)
      socket.pause()
      return
    }
    waiting.delete(name)
    partner.pipe(socket)
    socket.pipe(partner)
  })
}

listen(tls ? createTlsServer(tls, accept) : createTcpServer(accept))
