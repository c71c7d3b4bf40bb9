import { type ControlOpcode, maxControlPayload, Opcode, parseClose } from './frame.js'
import {
  controlHeader,
  isControl,
  leadSize,
  maxHeader,
  readKey,
  readLength,
} from './frame-header.js'
import { advanceKey, moveUnmasked, type NativeUnmask, nativeUnmask } from './unmask.js'

/** Where a translator puts what it makes, in the order of the wire. */
export interface FrameSink {
  /**
   * @param bytes - unmasked data frames, cut anywhere but in a header; a view of the chunk that was
   * pushed, except for a header that was split over chunks
   */
  data(bytes: Buffer): void
  /**
   * @param payload - unmasked, a copy, at most 125 bytes; for a close frame, valid
   * @param count - how many frames of this opcode the chunk had up to here: of its pings only the
   * last one is handed over, and of its pongs too
   */
  control(opcode: ControlOpcode, payload: Buffer, count: number): void
  /**
   * Takes a pong that answers a ping of the sink's own. It is asked about every pong.
   * @returns false for a pong that is to be handed over
   */
  answered?(pong: Buffer): boolean
}

const empty = Buffer.alloc(0)

/**
 * Turns the masked frames of a client into the unmasked frames of a server (RFC 6455 §5), chunk by
 * chunk, in place, and assembles no message.
 *
 * An outgoing header is the incoming one without its four bytes of mask. The first header of a
 * chunk moves right, up to its payload; what follows moves left and closes the gaps. So the data
 * frames of a chunk become one piece of it, and a lone large payload stays where it is. Control
 * frames are taken out and handed over whole. An endpoint may answer only the most recent ping
 * (§5.5.3), so a chunk of thousands of pings passes one of them, after all data that came before it.
 * Text is not checked for UTF-8: that is for its receiver to do.
 */
export class FrameTranslator {
  readonly #sink: FrameSink
  readonly #native: NativeUnmask | null
  /** Bytes of the data frame at hand that are still to come: 0 between two frames. */
  #left = 0
  /** The mask of that frame, its low byte for the next byte. */
  #key = 0
  /** A message has begun whose last fragment has not. */
  #fragmented = false
  /** What there is of a header or a control frame that is split over chunks. */
  #begun: Buffer | undefined
  #begunSize = 0
  /** Last fragments whose header has passed. */
  #messages = 0
  #closed = false
  #failed = false
  /** The last ping and the last pong of the chunk at hand, and how many of each it has. */
  #ping: Buffer | undefined
  #pong: Buffer | undefined
  #pings = 0
  #pongs = 0
  #close: Buffer | undefined
  /** The output ends where these are put, and more data of the chunk follows. */
  #atCut = false

  /** @param native - unmasks long payloads; null does it in JavaScript */
  constructor(sink: FrameSink, native: NativeUnmask | null = nativeUnmask) {
    this.#sink = sink
    this.#native = native
  }

  /** How many messages have ended since the last call. */
  takeMessages(): number {
    const messages = this.#messages
    this.#messages = 0
    return messages
  }

  /** Whether the output so far ends between two frames, where another frame may be put in. */
  get atBoundary(): boolean {
    return this.#left === 0 || this.#atCut
  }

  /** Whether a close frame has passed. What comes after it is ignored. */
  get closed(): boolean {
    return this.#closed
  }

  /**
   * Translates the next bytes of the client, in place, and hands them to the sink.
   *
   * @throws FrameError at a frame that RFC 6455 forbids. What came before it has been handed over,
   * the output ends at a boundary, and what comes after is ignored.
   */
  push(chunk: Buffer): void {
    if (this.#closed || this.#failed) return
    let read = 0
    // What is translated and not handed over yet is chunk[start, write); pings and pongs belong at
    // `cut`.
    let start = 0
    let write = 0
    let cut = 0
    try {
      if (this.#begun !== undefined) start = write = cut = read = this.#resume(chunk)
      const end = chunk.length
      const view = new DataView(chunk.buffer, chunk.byteOffset, end)
      while (read < end && !this.#closed) {
        if (this.#left === 0) {
          const size = leadSize(chunk, read, end, this.#fragmented)
          if (read + size > end) {
            this.#begin(chunk, read)
            break
          }
          if (isControl(chunk[read]!)) {
            if (this.#control(chunk, read, size)) cut = write
            read += size
            continue
          }
          if (start === write) start = write = cut = read + 4
          this.#header(chunk, read, write, size)
          read += size
          write += size - 4
        }
        const length = Math.min(this.#left, end - read)
        moveUnmasked(chunk, view, read, write, length, this.#key, this.#native)
        this.#left -= length
        if (this.#left > 0) this.#key = advanceKey(this.#key, length)
        read += length
        write += length
      }
    } catch (error) {
      this.#failed = true
      throw error
    } finally {
      this.#handOver(chunk, start, cut, write)
    }
  }

  /** Hands over chunk[start, write), and the control frames of the chunk in their places. */
  #handOver(chunk: Buffer, start: number, cut: number, write: number): void {
    const sink = this.#sink
    if (this.#ping ?? this.#pong) {
      const [ping, pings, pong, pongs] = [this.#ping, this.#pings, this.#pong, this.#pongs]
      this.#ping = this.#pong = undefined
      this.#pings = this.#pongs = 0
      this.#atCut = true
      if (start < cut) sink.data(chunk.subarray(start, cut))
      if (ping) sink.control(Opcode.ping, ping, pings)
      if (pong) sink.control(Opcode.pong, pong, pongs)
      this.#atCut = false
      start = cut
    }
    if (start < write) sink.data(chunk.subarray(start, write))
    if (!this.#close) return
    const close = this.#close
    this.#close = undefined
    sink.control(Opcode.close, close, 1)
  }

  /** Keeps the beginning of a header or control frame until the rest of it comes. */
  #begin(chunk: Buffer, from: number): void {
    // Not from Buffer's pool, of which it might pin a page for as long as the client is silent.
    const most = isControl(chunk[from]!) ? controlHeader + maxControlPayload : maxHeader
    this.#begun = Buffer.allocUnsafeSlow(most)
    this.#begunSize = chunk.copy(this.#begun, 0, from)
  }

  /** Goes on with what an earlier chunk began. Returns how many bytes of this one belong to it. */
  #resume(chunk: Buffer): number {
    const begun = this.#begun!
    for (let read = 0; read < chunk.length;) {
      begun[this.#begunSize++] = chunk[read++]!
      const size = leadSize(begun, 0, this.#begunSize, this.#fragmented)
      if (this.#begunSize < size) continue
      this.#begun = undefined
      if (isControl(begun[0]!)) {
        this.#control(begun, 0, size)
      } else {
        this.#header(begun, 0, 0, size)
        this.#sink.data(begun.subarray(0, size - 4))
      }
      return read
    }
    return chunk.length
  }

  /** Reads the header of a data frame and writes the outgoing one, which may overlap it. */
  #header(bytes: Buffer, from: number, to: number, size: number): void {
    const first = bytes[from]!
    const short = bytes[from + 1]! & 0x7f
    this.#fragmented = first < 0x80
    if (!this.#fragmented) this.#messages++
    this.#key = readKey(bytes, from + size - 4)
    this.#left = short < 126 ? short : readLength(bytes, from, short)
    if (short === 127) bytes.copyWithin(to + 2, from + 2, from + 10)
    bytes[to] = first
    bytes[to + 1] = short
    if (short === 126) {
      bytes[to + 2] = this.#left >>> 8
      bytes[to + 3] = this.#left
    }
  }

  /** @returns whether its place in the output is to be kept */
  #control(bytes: Buffer, from: number, size: number): boolean {
    const opcode = (bytes[from]! & 0x0f) as ControlOpcode
    const payload = size === controlHeader ? empty : Buffer.allocUnsafe(size - controlHeader)
    for (let i = 0; i < payload.length; i++) {
      payload[i] = bytes[from + controlHeader + i]! ^ bytes[from + 2 + (i & 3)]!
    }
    if (opcode === Opcode.close) {
      parseClose(payload)
      this.#closed = true
      this.#close = payload
      return false
    }
    if (opcode === Opcode.ping) {
      this.#ping = payload
      this.#pings++
      return true
    }
    if (this.#sink.answered?.(payload)) return false
    this.#pong = payload
    this.#pongs++
    return true
  }
}
