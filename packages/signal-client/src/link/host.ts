import type { Channel, Ending } from './channel.js'

/** What carries records to a peer: a WebSocket to `/connection` that is paired, for one. */
export interface Transport {
  /** @param record - at most 64 KiB; the transport may keep it */
  send(record: Uint8Array): void
  /** Closes it after what was sent. `ended` does not follow. */
  close(code: number): void
}

/** What becomes of a dial. The host calls these; after `ended` and after `close`, nothing more. */
export interface Dialled {
  /** @param hello - the peer's, from Paired; undefined if the pipe is a raw one */
  paired(hello: string | undefined): void
  received(record: Uint8Array): void
  /** @param code - a WebSocket close code (RFC 6455 §7.4) */
  ended(code: number): void
}

/** Everything outside: a clock, chance, sockets. A test gives one that is simulated. */
export interface Outside {
  /** A clock that only goes forward, in milliseconds. */
  now(): number
  /** Calls back later, after so many milliseconds. @returns what takes that back */
  after(milliseconds: number, run: () => void): () => void
  /** Calls back at the end of this turn, like `queueMicrotask`. */
  soon(run: () => void): void
  /** From 0 up to 1. */
  random(): number
  randomBytes(count: number): Uint8Array
  /** Whether timers may be late, as in a hidden page. */
  isSlow(): boolean
  /** Opens `/connection/<own id>/<id>/<key>`, and offers a hello. It calls back in a later turn. */
  dial(id: string, key: string, hello: string, dialled: Dialled): Transport
}

/** What the app is told. Callbacks may call the links again, but must not throw. */
export interface App {
  /** A key is open with a peer. */
  opened(channel: Channel): void
  /** @param cost - to give back by `channel.consumed` when the app has consumed the message */
  message(channel: Channel, data: string | Uint8Array, cost: number): void
  closed(channel: Channel, ending: Ending): void
  /** A pipe without a link, which is the app's from now on; its end is told by `rawEnded`. */
  raw(id: string, key: string, transport: Transport): Dialled
  /** Something went wrong that an app should know. */
  failed(id: string, code: 'bad_link' | 'message_too_large', sentence: string): void
}
