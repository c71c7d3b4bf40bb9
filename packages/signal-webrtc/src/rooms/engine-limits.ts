import type { Socket } from 'engine.io'
import {
  HttpRefusal,
  Pace,
  pieceOverhead,
  Share,
  type EndpointContext,
  type Outcome,
} from 'signal-server'
import { connectionLife } from './connection-life.js'

// far more than the messages of a client that is slowed down already: pongs, probes, empty packets
const packetsPerSecond = 1_000
const packetsBurst = 10_000

/** What rooms know of a client's connection below socket.io. */
export interface Connection {
  /** Whether so much waits to be read by it that others had better not send it more. */
  readonly congested: boolean
  /** Resolves when the client has shown life, or was given up after 3 s of silence. */
  prove(): Promise<void>
}

/** Ends a connection of socket.io that floods the server, or does not read what is sent to it. */
export function limitEngineSocket(socket: Socket, context: EndpointContext): Connection {
  const { outcomes, settings } = context
  const pace = new Pace(packetsPerSecond, packetsBurst)
  const end = (outcome: Outcome) => {
    outcomes.count(outcome)
    socket.close(true)
  }
  const life = connectionLife(socket)
  socket.on('packet', () => {
    if (pace.spend(1) > 0) end('rate_limited')
  })
  let queued = 0
  let packets = 0
  const share = new Share(context.budget)
  socket.on('packetCreate', ({ data }: { data?: string | Buffer }) => {
    queued += data?.length ?? 0
    packets++
    share.set(queued + packets * pieceOverhead)
    if (queued > settings.maxQueuedBytes) end('slow_reader')
  })
  const forget = () => {
    queued = packets = 0
    share.set(0)
  }
  socket.on('drain', forget)
  socket.on('close', forget)
  return {
    get congested() {
      return queued > settings.maxQueuedBytes / 4
    },
    async prove() {
      if (!(await life.lives()) && socket.readyState === 'open') end('half_open')
    },
  }
}

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
export function limitClosing(socket: Socket, closeTime: number): void {
  const closing = socket.transport as unknown as Closing
  closing.closeTimeout = closeTime
  socket.once('close', () => closing.shouldClose?.())
}

/** Ends a connection that waits for its client's next request to say that it closes. */
export const endClosing = ({ transport }: Socket): void =>
  (transport as unknown as Closing).shouldClose?.()
