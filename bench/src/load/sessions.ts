import { encode } from 'msgpackr'
import { clientFrame, FrameWalker, opcodes } from './frames.js'
import { openSocket, type LoadSocket, type Target } from './load-socket.js'

const introduction = Buffer.from('Introduction')
const ping = clientFrame(opcodes.ping, Buffer.alloc(0))

/** What the sessions of one run have got from the server, all together. */
export interface Tally {
  introductions: number
  pongs: number
  /** The first thing that must not happen, if it did. */
  broken: string | undefined
  /** Called whenever a count changes. */
  onCount?: () => void
}

export const emptyTally = (): Tally => ({ introductions: 0, pongs: 0, broken: undefined })

/** One introduction socket of a peer, in the dialect of the target. */
export class LoadSession {
  private constructor(
    readonly socket: LoadSocket,
    private readonly join: (keys: string[]) => Buffer,
  ) {}

  static async open(target: Target, id: string, tally: Tally): Promise<LoadSession> {
    const socket = await openSocket(target)
    const ours = target.wire === 'signal'
    // Long enough to see the type in either dialect; a Welcome or a Departure is none.
    const walker = new FrameWalker((opcode, beginning) => {
      if (opcode === opcodes.pong) tally.pongs++
      else if (opcode === opcodes.close) tally.broken ??= 'closed by the server'
      else if (opcode !== opcodes.ping && beginning.includes(introduction)) tally.introductions++
      tally.onCount?.()
    }, 32)
    socket.onBytes = (count, bytes) => walker.push(bytes.subarray(0, count))
    await socket.upgrade(`/introduction/${id}`, ours ? 'signal.v1' : undefined)
    socket.onClose = (reason) => {
      tally.broken ??= reason
      tally.onCount?.()
    }
    return new LoadSession(socket, ours ? signalJoin : relayJoin)
  }

  /** Joins, and pings right behind it: the pong tells that the server has dealt with the Join. */
  joinAndPing(keys: string[]): void {
    this.socket.write(Buffer.concat([this.join(keys), ping]))
  }

  ping(): void {
    this.socket.write(ping)
  }
}

const signalJoin = (keys: string[]) =>
  clientFrame(opcodes.text, Buffer.from(JSON.stringify({ type: 'Join', join: keys })))

const relayJoin = (keys: string[]) =>
  clientFrame(opcodes.binary, encode({ type: 'Join', documentIds: keys }))
