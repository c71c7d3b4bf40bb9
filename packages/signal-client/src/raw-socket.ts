/** What a message of a pipe is. */
export type Message = string | ArrayBuffer

/** What can be sent. */
export type Sendable = string | ArrayBuffer | Uint8Array<ArrayBuffer>

/** What is used of a WebSocket: of a browser's, of `ws`, and of any that is alike. */
export interface RawSocket {
  binaryType: string
  readonly readyState: number
  readonly bufferedAmount: number
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
