import { type ControlOpcode, FrameError, maxControlPayload, Opcode, parseClose } from './frame.js'
import { advanceKey, moveUnmasked, type NativeUnmask, nativeUnmask } from './unmask.js'

/** Where a translator puts what it makes, in the order of the wire. */
export interface FrameSink {
  /**
   * @param bytes - unmasked data frames, cut anywhere but in a header; a view of the chunk that was
   * pushed, except for a header that was split over chunks
   */
  data(bytes: Buffer): void
  /** @param payload - unmasked, a copy, at most 125 bytes; for a close frame, valid */
  control(opcode: ControlOpcode, payload: Buffer): void
}

/** The header of a masked frame with a 64-bit length: the longest. */
const maxHeader = 14
/** The header of a masked control frame: two bytes and the mask. */
const controlHeader = 6

/**
 * Turns the masked frames of a client into the unmasked frames of a server (RFC 6455 §5), chunk by
 * chunk, in place, and assembles no message.
 *
 * An outgoing header is the incoming one without its four bytes of mask. The first header of a
 * chunk moves right, up to its payload; what follows moves left and closes the gaps. So the data
 * frames of a chunk become one piece of it, and a lone large payload stays where it is. Control
 * frames are taken out and handed over whole. Text is not checked for UTF-8: that is for its
 * receiver to do.
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
    return this.#left === 0
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
    // What is translated and not handed over yet is chunk[start, write).
    let start = 0
    let write = 0
    try {
      if (this.#begun !== undefined) start = write = read = this.#resume(chunk)
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
            const done = start
            start = write
            if (done < write) this.#sink.data(chunk.subarray(done, write))
            this.#control(chunk, read, size)
            start = write = read += size
            continue
          }
          if (start === write) start = write = read + 4
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
      if (start < write) this.#sink.data(chunk.subarray(start, write))
    }
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

  #control(bytes: Buffer, from: number, size: number): void {
    const opcode = (bytes[from]! & 0x0f) as ControlOpcode
    const payload = Buffer.allocUnsafe(size - controlHeader)
    for (let i = 0; i < payload.length; i++) {
      payload[i] = bytes[from + controlHeader + i]! ^ bytes[from + 2 + (i & 3)]!
    }
    if (opcode === Opcode.close) {
      parseClose(payload)
      this.#closed = true
    }
    this.#sink.control(opcode, payload)
  }
}

function isControl(first: number): boolean {
  return (first & 0x08) !== 0
}

/**
 * How many bytes of a frame must be at hand before any of it is handed on: the header of a data
 * frame, all of a control frame. While that can't be told yet, more than there are.
 *
 * @throws FrameError as soon as the bytes of the header break a rule
 */
function leadSize(bytes: Buffer, from: number, end: number, fragmented: boolean): number {
  if (end - from < 2) return 2
  const first = bytes[from]!
  const second = bytes[from + 1]!
  const opcode = first & 0x0f
  const short = second & 0x7f
  if ((first & 0x70) !== 0) throw forbidden('RSV1, RSV2 and RSV3 must be 0', '5.2')
  if (second < 0x80) throw forbidden('a client must mask its frames', '5.1')
  if (isControl(opcode)) {
    if (opcode > Opcode.pong) throw forbidden(`opcode ${opcode} is reserved`, '5.2')
    if (first < 0x80) throw forbidden('a control frame must not be fragmented', '5.5')
    if (short > maxControlPayload) {
      throw forbidden('a control frame has 125 bytes of payload at most', '5.5')
    }
    return controlHeader + short
  }
  if (opcode > Opcode.binary) throw forbidden(`opcode ${opcode} is reserved`, '5.2')
  if (fragmented !== (opcode === Opcode.continuation)) {
    throw fragmented
      ? forbidden('a message must end before the next begins', '5.4')
      : forbidden('a continuation needs a message to continue', '5.4')
  }
  if (short < 126) return 6
  const size = short === 126 ? 8 : maxHeader
  if (end - from >= size) checkLength(bytes, from, short)
  return size
}

/** The extended payload length; inexact where it has more than 53 bits. */
function readLength(bytes: Buffer, from: number, short: number): number {
  if (short === 126) return (bytes[from + 2]! << 8) | bytes[from + 3]!
  return bytes.readUInt32BE(from + 2) * 2 ** 32 + bytes.readUInt32BE(from + 6)
}

function checkLength(bytes: Buffer, from: number, short: number): void {
  const length = readLength(bytes, from, short)
  if (length < (short === 126 ? 126 : 0x10000)) {
    throw forbidden('a length must be written in the fewest bytes that hold it', '5.2')
  }
  if (length <= Number.MAX_SAFE_INTEGER) return
  if (bytes[from + 2]! > 0x7f) throw forbidden('the top bit of a 64-bit length must be 0', '5.2')
  throw forbidden('a frame longer than 2^53 - 1 bytes is more than this server counts', '5.2')
}

function readKey(bytes: Buffer, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

function forbidden(rule: string, section: string): FrameError {
  return new FrameError(1002, `${rule} (RFC 6455 §${section})`)
}
