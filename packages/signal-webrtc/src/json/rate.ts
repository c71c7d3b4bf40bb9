/** How much a client may send. */
export interface Rate {
  /** Messages per second; one of more than 4 KiB counts as several. @default 100 */
  messagesPerSecond?: number
  /** Messages at once, before the rate counts. @default 1000 */
  messagesBurst?: number
}

// one who joins thirty others sends each an offer and its candidates, all at once
export const defaultRate: Required<Rate> = { messagesPerSecond: 100, messagesBurst: 1_000 }

/** A message of more bytes counts as several. */
export const bytesOfMessage = 4_096

/** What a message counts as, by its size in bytes. */
export const weight = (bytes: number): number => 1 + tokensFor(bytes)

/** What the bytes of an answer count as, beside the message that asks for it. */
export const tokensFor = (bytes: number): number => Math.floor(bytes / bytesOfMessage)

/** What it costs to send one message, in bytes, beside those that it has. */
export const sendingBytes = 80
