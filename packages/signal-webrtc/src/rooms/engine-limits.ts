import type { Socket } from 'engine.io'
import { Pace, type EndpointContext, type Outcome } from 'signal-server'

// far more than the messages of a client that is slowed down already: pongs, probes, empty packets
const packetsPerSecond = 1_000
const packetsBurst = 10_000

/** What waits to be sent to a client of socket.io. */
export interface Queue {
  /** Whether others had better not send it more. */
  readonly congested: boolean
}

/** Ends a connection of socket.io that floods the server, or does not read what is sent to it. */
export function limitEngineSocket(socket: Socket, context: EndpointContext): Queue {
  const { outcomes, settings } = context
  const pace = new Pace(packetsPerSecond, packetsBurst)
  const end = (outcome: Outcome) => {
    outcomes.count(outcome)
    socket.close(true)
  }
  socket.on('packet', () => {
    if (pace.spend(1) > 0) end('rate_limited')
  })
  let queued = 0
  socket.on('packetCreate', ({ data }: { data?: string | Buffer }) => {
    queued += data?.length ?? 0
    if (queued > settings.maxQueuedBytes) end('slow_reader')
  })
  socket.on('drain', () => (queued = 0))
  return {
    get congested() {
      return queued > settings.maxQueuedBytes / 4
    },
  }
}
