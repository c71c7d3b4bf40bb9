/**
 * About as many bytes as an event came in, and never more than its text and its attachments have. An
 * attachment counts at each place where the event shows it: socket.io lets a text of 64 KiB refer to
 * one attachment two thousand times, and whatever is encoded again has it as often.
 *
 * @param most - it does not count much further
 */
export function eventBytes(event: readonly unknown[], most: number): number {
  const left: unknown[] = [event]
  let bytes = 0
  while (left.length > 0 && bytes <= most) {
    const value = left.pop()
    // a value and the comma behind it
    bytes += 2
    if (typeof value === 'string') bytes += value.length
    else if (ArrayBuffer.isView(value)) bytes += value.byteLength
    else if (Array.isArray(value)) for (const each of value) left.push(each)
    else if (typeof value === 'object' && value !== null) {
      for (const name of Object.keys(value)) bytes += name.length + 3
      left.push(...(Object.values(value) as unknown[]))
    }
  }
  return bytes
}
