import type { Socket } from 'engine.io'
import { HttpRefusal, type EndpointContext } from 'signal-server'

/** Counts a client by long polling among the sockets, or ends it if there is no room for it. */
export function countPolling(
  socket: Socket,
  context: EndpointContext,
  refused: (refusal: HttpRefusal) => void,
): void {
  let leave: () => void
  try {
    leave = context.enter(socket.request, () => socket.close(true))
  } catch (error) {
    if (!(error instanceof HttpRefusal)) throw error
    refused(error)
    socket.close(true)
    return
  }
  let counted = true
  const left = () => {
    if (counted) leave()
    counted = false
  }
  socket.once('close', left)
  // counted as a socket from then on
  socket.once('upgrade', left)
}

/** What engine.io does not tell of its long polling. */
interface Closing {
  closeTimeout?: number
  shouldClose?: (() => void) | null
}

/**
 * Lets a connection by long polling that closes wait for its client's next request no longer than
 * others do, and not at all where nobody would be found any more: engine.io waits for 30 s.
 */
export function limitClosing(socket: Socket, closeTimeout: number): void {
  const closing = socket.transport as unknown as Closing
  closing.closeTimeout = closeTimeout
  socket.once('close', () => closing.shouldClose?.())
}

/** Ends a connection that waits for its client's next request to say that it closes. */
export const endClosing = ({ transport }: Socket): void =>
  (transport as unknown as Closing).shouldClose?.()
