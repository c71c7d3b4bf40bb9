import type { Socket as NetSocket } from 'node:net'
import type { Socket } from 'engine.io'
import type { WebSocket } from 'ws'
import { LifeCheck } from '../json/life-check.js'

/** What engine.io and ws do not tell of the sockets that they read. */
interface Transport {
  readonly socket?: WebSocket & { readonly _socket?: NetSocket }
}

/**
 * Finds out at once whether the client of a connection of engine.io still lives, by a ping of its
 * WebSocket: that is answered below the scripts of a page, which may stand still for long, as while
 * a dialog is open. A client by long polling is not judged, for only its scripts could answer.
 */
export function connectionLife(socket: Socket): LifeCheck {
  let listensTo: WebSocket | undefined
  let read = 0
  const transport = () => socket.transport as unknown as Transport
  const tcp = () => transport().socket?._socket
  const life = new LifeCheck({
    ping() {
      const ws = transport().socket
      if (socket.readyState !== 'open' || socket.transport.name !== 'websocket' || !ws) return false
      if (listensTo !== ws) ws.on('pong', () => life.heard())
      listensTo = ws
      read = tcp()?.bytesRead ?? 0
      ws.ping()
      return true
    },
    // something has come that is no whole packet yet
    get paused() {
      return (tcp()?.bytesRead ?? Infinity) > read
    },
    get queued() {
      return listensTo?.bufferedAmount ?? 0
    },
    get sent() {
      const socket = tcp()
      return socket ? socket.bytesWritten - socket.writableLength : 0
    },
  })
  socket.on('packet', () => life.heard())
  socket.once('close', () => life.stop())
  return life
}
