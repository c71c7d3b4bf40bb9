import type { Socket } from 'engine.io'
import type { SlicedWork, Steps } from 'signal-server'

/** What engine.io does not tell of its long polling. */
interface Polling {
  onData(data: string): void
}

const separator = '\x1e'
const together = 10

/**
 * Lets the packets that one request of long polling brings be looked at in slices: a body of 64 KiB
 * may hold thousands of them.
 *
 * @param mostBytes - that may wait; a client that sends more is ended
 */
export function slicePolledPackets(
  socket: Socket,
  work: SlicedWork,
  mostBytes: number,
  tooMuch: () => void,
): void {
  const polling = socket.transport as unknown as Polling
  const lookAt = polling.onData.bind(polling)
  const bodies: string[] = []
  let waiting = 0
  function* steps(): Steps {
    for (let body; (body = bodies[0]) !== undefined; bodies.shift()) {
      const packets = body.split(separator)
      for (let at = 0; at < packets.length; at += together) {
        if (socket.readyState !== 'open') break
        lookAt(packets.slice(at, at + together).join(separator))
        yield
      }
      waiting -= body.length
    }
  }
  let running: Steps | undefined
  // what comes by the new transport stands behind it
  socket.once('upgrade', () => {
    while (running && !running.next().done);
  })
  polling.onData = (body) => {
    waiting += body.length
    if (waiting > mostBytes) return tooMuch()
    bodies.push(body)
    if (bodies.length === 1) work.run((running = steps()))
  }
}
