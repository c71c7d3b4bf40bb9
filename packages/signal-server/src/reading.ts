import { Socket } from 'node:net'

interface Handled {
  _handle?: { reading?: boolean; readStop?(): void } | null
}

const readNothing = () => {}

function readAsEver(this: Socket, size: number): void {
  Socket.prototype._read.call(this, size)
}

/**
 * Reads nothing more from a socket that was paused. A stream that is paused reads one more chunk of
 * up to 64 KiB: with thousands of sockets paused to save memory that is more than all they may hold.
 * There is no documented way to prevent it, so in a runtime without such a handle that happens.
 */
export function stopReading(socket: Socket): void {
  const { _handle: handle } = socket as Handled
  if (!handle?.readStop) return
  // the stream asks for more also while it is paused, to fill its buffer
  socket._read = readNothing
  if (!handle.reading) return
  // what net.Socket itself does when its buffer is full
  handle.reading = false
  handle.readStop()
}

/** Takes {@link stopReading} back; the caller resumes the stream. */
export function startReading(socket: Socket): void {
  // deleting the property would make access to all others slow
  socket._read = readAsEver
  if (!socket.destroyed) socket._read(0)
}
