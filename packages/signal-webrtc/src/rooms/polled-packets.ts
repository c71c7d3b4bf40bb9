import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket, Transport } from 'engine.io'
import { Share, type ByteBudget, type SlicedWork, type Steps } from 'signal-server'

/** What engine.io does not tell of its long polling. */
interface Polling {
  /** The request whose body is read. */
  readonly dataReq: IncomingMessage | null
  onDataRequest(request: IncomingMessage, response: ServerResponse): void
  onData(data: string): void
  on(event: 'packet', listener: (packet: Packet) => void): void
}

type Packet = Parameters<Transport['send']>[0][number]

/** What engine.io keeps for its transports. */
interface Receiver {
  onPacket(packet: Packet): void
}

const separator = '\x1e'
const together = 10
// 1,000 packets: more are refused as well when they wait for their turn
const mostStepsAtOnce = 100
// engine.io joins the pieces of a body to a string: measured on Node 20 with pieces of one byte
const pieceBytes = 64

/**
 * Lets the packets that one request of long polling brings be looked at in slices: a body of 64 KiB
 * may hold thousands of them. Bodies that wait, and one that is not complete, count against the
 * budget.
 *
 * @param group - the group of clients that takes turns with others
 * @param mostBytes - that may wait; a client that sends more is ended
 */
export function slicePolledPackets(
  socket: Socket,
  work: SlicedWork,
  group: unknown,
  budget: ByteBudget,
  mostBytes: number,
  tooMuch: () => void,
): void {
  const polling = socket.transport as unknown as Polling
  const lookAt = polling.onData.bind(polling)
  const startBody = polling.onDataRequest.bind(polling)
  const bodies: string[] = []
  const share = new Share(budget)
  /** Bytes of complete bodies, and of one that is not. */
  let waiting = 0
  let incomplete = 0
  const count = () => share.set(socket.readyState === 'closed' ? 0 : waiting + incomplete)
  function* steps(): Steps {
    for (let body; (body = bodies[0]) !== undefined; bodies.shift()) {
      for (let at = 0; at <= body.length && socket.readyState === 'open';) {
        const end = endOfPackets(body, at)
        lookAt(body.slice(at, end))
        at = end + separator.length
        yield
      }
      waiting -= memoryOf(body)
      count()
    }
  }
  let running: Steps | undefined
  // the packets of the new transport come after those of long polling
  socket.once('upgrade', () => {
    // engine.io no longer listens to long polling
    polling.on('packet', (packet) => (socket as unknown as Receiver).onPacket(packet))
    for (let steps = 0; running && !running.next().done; steps++) {
      if (steps === mostStepsAtOnce) return tooMuch()
    }
  })
  socket.once('close', count)
  polling.onDataRequest = (request, response) => {
    startBody(request, response)
    // another one is refused while one is read
    if (polling.dataReq !== request) return
    request.on('data', (piece: string) => {
      incomplete += memoryOf(piece) + pieceBytes
      count()
      if (waiting + incomplete > mostBytes) tooMuch()
    })
    request.once('close', () => {
      incomplete = 0
      count()
    })
  }
  polling.onData = (body) => {
    incomplete = 0
    const refused = waiting + memoryOf(body) > mostBytes
    if (!refused) waiting += memoryOf(body)
    count()
    if (refused) return tooMuch()
    bodies.push(body)
    if (bodies.length === 1) work.run((running = steps()), undefined, { of: group })
  }
}

/** Where ten packets end that begin at a place: to split a whole body takes eight times its memory. */
function endOfPackets(body: string, start: number): number {
  let end = start - separator.length
  for (let packets = 0; packets < together; packets++) {
    end = body.indexOf(separator, end + separator.length)
    if (end === -1) return body.length
  }
  return end
}

/** Bytes that V8 keeps of a text: two per character, unless all are of one byte. */
function memoryOf(text: string): number {
  return Buffer.byteLength(text) === text.length ? text.length : 2 * text.length
}
