import { encode } from 'msgpackr'
import { clientFrame, Opcode } from 'signal-test-kit'
import { FrameWalker } from './frames.js'
import { openSocket, type LoadSocket, type Target } from './load-socket.js'

const introduction = Buffer.from('Introduction')
const namePrefix = 'peer-'
const ping = clientFrame(Opcode.ping, Buffer.alloc(0))

/** What the sessions of one run have got from the server, all together. */
export interface Tally {
  /** Introductions of a peer to a session that did not know it yet. */
  introductions: number
  /** Those that said nothing new, which a server may send. */
  repeated: number
  pongs: number
  /** The first thing that must not happen, if it did. */
  broken: string | undefined
  /** Called whenever a count changes. */
  onCount?: () => void
}

export const emptyTally = (): Tally => ({
  introductions: 0,
  repeated: 0,
  pongs: 0,
  broken: undefined,
})

/** One introduction socket of a peer, in the dialect of the target. */
export class LoadSession {
  readonly #known = new Set<number>()

  private constructor(
    readonly socket: LoadSocket,
    private readonly join: (keys: string[]) => Buffer,
  ) {}

  /** Opens the session of the peer with this number. */
  static async open(target: Target, number: number, tally: Tally): Promise<LoadSession> {
    const socket = await openSocket(target)
    const ours = target.wire === 'signal'
    const session = new LoadSession(socket, ours ? signalJoin : relayJoin)
    // So much shows the type and the id in either dialect.
    const walker = new FrameWalker((opcode, beginning) => {
      session.#receive(opcode, beginning, tally)
      tally.onCount?.()
    }, 64)
    socket.onBytes = (count, bytes) => walker.push(bytes.subarray(0, count))
    await socket.upgrade(`/introduction/${namePrefix}${number}`, ours ? 'signal.v1' : undefined)
    socket.onClose = (reason) => {
      tally.broken ??= reason
      tally.onCount?.()
    }
    return session
  }

  #receive(opcode: number, beginning: Buffer, tally: Tally): void {
    if (opcode === Opcode.pong) tally.pongs++
    else if (opcode === Opcode.close) tally.broken ??= 'closed by the server'
    else if (opcode !== Opcode.ping && beginning.includes(introduction)) {
      const at = beginning.indexOf(namePrefix) + namePrefix.length
      const number = parseInt(beginning.toString('latin1', at, at + 8))
      if (this.#known.has(number)) tally.repeated++
      else tally.introductions++
      this.#known.add(number)
    }
  }

  /**
   * A Join, ready to be written, with a ping right behind it: the pong tells that the server has
   * dealt with the Join.
   */
  joinAndPing(keys: string[]): Buffer {
    return Buffer.concat([this.join(keys), ping])
  }

  ping(): void {
    this.socket.write(ping)
  }
}

const signalJoin = (keys: string[]) =>
  clientFrame(Opcode.text, Buffer.from(JSON.stringify({ type: 'Join', join: keys })))

const relayJoin = (keys: string[]) =>
  clientFrame(Opcode.binary, encode({ type: 'Join', documentIds: keys }))
