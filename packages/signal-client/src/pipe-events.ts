import type { Ending } from './ending.js'

/** An event of a pipe; a plain object, as not every platform has the DOM's Event. */
export interface PipeEvent {
  readonly type: string
  readonly target: object | null
}

/** What a `message` event carries, by `binaryType`. */
export interface PipeMessageEvent extends PipeEvent {
  readonly data: string | ArrayBuffer | Blob
}

/** A `close` event, with the fields of the DOM's CloseEvent. */
export interface PipeCloseEvent extends PipeEvent, Ending {
  readonly wasClean: boolean
}

/** The events of a pipe, by type. */
export interface PipeEventMap {
  message: PipeMessageEvent
  close: PipeCloseEvent
}

/** A function that hears an event; one that names the DOM's MessageEvent fits as well. */
export type PipeHandler<Event> = { handle(event: Event): void }['handle']

/** What can listen, as for the DOM's EventTarget. */
export type PipeListener<Event = never> =
  PipeHandler<Event> | { handleEvent: PipeHandler<Event> } | null

/** How to listen, as for the DOM's EventTarget. */
export interface PipeListenerOptions {
  /** To the next event only. */
  readonly once?: boolean | undefined
  /** Ends the listening: an AbortSignal. */
  readonly signal?:
    | { readonly aborted: boolean; addEventListener(type: 'abort', listener: () => void): void }
    | undefined
}
