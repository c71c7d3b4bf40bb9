import type { Json } from 'signal-server-protocol'
import type { PipeSocket } from './pipe-socket.js'
import type { PipeStream } from './pipe-stream.js'

/** What a peer knows of a link to it. */
interface LinkToPeer {
  readonly socket: PipeSocket | undefined
  close(): Promise<void>
}

/** Another client that wants a key which this one wants, and is connected. */
export class Peer<L extends LinkToPeer = LinkToPeer> {
  /** What it has announced about itself. */
  info: Json | undefined
  /** @internal By key. */
  readonly links = new Map<string, L>()

  /** @internal */
  constructor(readonly id: string) {}

  /** The keys on which there is a pipe. */
  get keys(): string[] {
    return [...this.links.keys()].filter((key) => this.get(key))
  }

  /** The pipe on a key; undefined where there is none at present. */
  get(key: string): PipeSocket | undefined {
    return this.links.get(key)?.socket
  }

  /**
   * The pipe on a key as WHATWG streams; undefined where there is none at present.
   * @throws TypeError where listeners get its messages already
   */
  stream(key: string): PipeStream | undefined {
    return this.get(key)?.stream()
  }

  /** Closes the pipe on a key, or all of them. Another introduction connects again. */
  close(key?: string): void {
    for (const each of key === undefined ? this.keys : [key]) void this.links.get(each)?.close()
  }
}
