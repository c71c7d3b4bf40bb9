import type { Ending } from './ending.js'
import { sizeOf, type Message, type RawSocket } from './raw-socket.js'

// read no more from the network while so much waits for the app
const highMark = 64 * 1024
// where the network cannot be made to wait
const mostBytes = 16 * 1024 * 1024
// what a message counts beside its content, so that they cannot be too many
const overhead = 256

/** What has come and was not taken yet. */
export interface Inbox {
  /** How the socket ended, once it has; what came before it may still be here. */
  readonly ending: Ending | undefined
  readonly isEmpty: boolean
  /** @returns false where there is no room for it */
  add(message: Message): boolean
  take(): Message | undefined
  end(ending: Ending): void
}

/**
 * Makes an {@link Inbox}. While much waits in it the sender is held back, where the socket can do
 * that; where it cannot, there is a bound, and what goes beyond it is not taken.
 *
 * @param onNews - told when there is something new
 */
export function createInbox(raw: Pick<RawSocket, 'pause' | 'resume'>, onNews: () => void): Inbox {
  const messages: Message[] = []
  let bytes = 0
  let paused = false
  let ending: Ending | undefined

  return {
    get ending() {
      return ending
    },
    get isEmpty() {
      return !messages.length
    },
    add(message) {
      if (!raw.pause && bytes > mostBytes) return false
      messages.push(message)
      bytes += overhead + sizeOf(message)
      onNews()
      if (bytes > highMark && !paused) {
        paused = true
        raw.pause?.()
      }
      return true
    },
    take() {
      const message = messages.shift()
      if (message !== undefined) bytes -= overhead + sizeOf(message)
      if (paused && bytes < highMark / 2) {
        paused = false
        raw.resume?.()
      }
      return message
    },
    end(how) {
      ending ??= how
      onNews()
    },
  }
}
