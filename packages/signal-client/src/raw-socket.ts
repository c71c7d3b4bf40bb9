import type { Ending } from './ending.js'

declare global {
  // names that a project without the DOM's types would miss; where they exist, this adds nothing
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type
  interface Blob {}
}

/** What a message of a pipe is. */
export type Message = string | ArrayBuffer

/** What can be sent: what WebSocket takes. */
export type Sendable = string | ArrayBuffer | ArrayBufferView | Blob

/** What is used of a WebSocket: of a browser's, of `ws`, and of any that is alike. */
export interface RawSocket {
  binaryType: string
  readonly readyState: number
  readonly bufferedAmount: number
  /** How it ended, where the `close` event cannot say it. */
  readonly ending?: Ending | undefined
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
  /** @param sent - called when the network has taken it, by those that can also `pause` */
  send(data: Sendable, sent?: () => void): void
  close(code?: number, reason?: string): void
  /** Reads no more; where there is no such thing, the sender cannot be held back. */
  pause?(): void
  resume?(): void
}

/** A WebSocket class. */
export type WebSocketClass = new (url: string, protocols: string[]) => RawSocket

/**
 * The size of a message, in bytes; that of text is about right.
 * @throws TypeError for what cannot be sent (a WebSocket would send its name, or crash)
 */
export function sizeOf(data: Sendable): number {
  if (typeof data === 'string') return data.length
  // a buffer may come from another realm
  if (ArrayBuffer.isView(data) || Object.prototype.toString.call(data) === '[object ArrayBuffer]') {
    return (data as ArrayBuffer).byteLength
  }
  // a Blob may be that of a library
  const { size, slice } = (data ?? {}) as { size?: unknown; slice?: unknown }
  if (typeof size === 'number' && slice) return size
  throw new TypeError('Not text, bytes or a Blob')
}
