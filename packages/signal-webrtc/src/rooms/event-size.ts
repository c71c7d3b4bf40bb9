// an object or an array without anything in it, and its place in another one: measured on Node 20
const valueOverhead = 64

/** Attachments of an event: clients of socket.io refuse one that has more, and end their connection. */
export const mostAttachments = 10

/** How large an event is. */
export interface EventSize {
  /**
   * About as many bytes as the event came in, and never more than its text and its attachments have.
   * An attachment counts at each place where the event shows it: socket.io lets a text of 64 KiB
   * refer to one attachment two thousand times, and the event has it as often if it is encoded again.
   */
  bytes: number
  /** Bytes of memory. */
  memory: number
  /** How often it shows bytes: if it is encoded again, each is an attachment. */
  attachments: number
}

/** @param most - bytes; it does not count much further */
export function sizeOf(event: readonly unknown[], most: number): EventSize {
  const left: unknown[] = [event]
  let bytes = 0
  let values = 0
  let attachments = 0
  while (left.length > 0 && bytes <= most) {
    const value = left.pop()
    values++
    // a value and the comma behind it
    bytes += 2
    if (typeof value === 'string') bytes += value.length
    else if (ArrayBuffer.isView(value)) {
      bytes += value.byteLength
      attachments++
    } else if (Array.isArray(value)) for (const each of value) left.push(each)
    else if (typeof value === 'object' && value !== null) {
      for (const name of Object.keys(value)) bytes += name.length + 3
      for (const each of Object.values(value) as unknown[]) left.push(each)
    }
  }
  return { bytes, memory: bytes + values * valueOverhead, attachments }
}
