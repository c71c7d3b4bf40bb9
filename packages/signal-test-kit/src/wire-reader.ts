import { FrameReader } from './frame-reader.js'
import type { Frame } from './frames.js'

/** An HTTP response as it stood on the wire. */
export interface RawResponse {
  status: number
  headers: Record<string, string>
  body: string
}

/** What a {@link WireReader} calls back with. */
export interface WireEvents {
  /** The head of a 101, or another response once it is complete. */
  response(response: RawResponse): void
  frame(frame: Frame): void
}

/** Takes apart what a server sends on one connection: HTTP responses and, after a 101, frames. */
export class WireReader {
  #bytes: Buffer = Buffer.alloc(0)
  #upgraded = false
  readonly #frames: FrameReader

  constructor(private readonly events: WireEvents) {
    this.#frames = new FrameReader((frame) => events.frame(frame))
  }

  /** @throws Error if a frame comes that no server may send */
  push(chunk: Buffer): void {
    if (this.#upgraded) return this.#frames.push(chunk)
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    while (!this.#upgraded && this.#takeResponse(false));
    if (this.#upgraded && this.#bytes.length > 0) this.#frames.push(this.#bytes)
  }

  /** The server has ended its half: what it has answered to a HEAD has a length, and no body. */
  end(): void {
    if (!this.#upgraded) this.#takeResponse(true)
  }

  /** @returns whether there was one */
  #takeResponse(ended: boolean): boolean {
    const end = this.#bytes.indexOf('\r\n\r\n')
    if (end < 0) return false
    const [first = '', ...lines] = this.#bytes.subarray(0, end).toString('latin1').split('\r\n')
    const headers = Object.fromEntries(
      lines.map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
      }),
    )
    const status = Number(first.split(' ')[1])
    const rest = this.#bytes.subarray(end + 4)
    const length = status === 101 ? 0 : Number(headers['content-length'] ?? 0)
    if (rest.length < length && !ended) return false
    this.#upgraded = status === 101
    this.#bytes = rest.subarray(length)
    this.events.response({ status, headers, body: rest.subarray(0, length).toString() })
    return true
  }
}
