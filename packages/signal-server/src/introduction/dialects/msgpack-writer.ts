/** A string as MessagePack. */
export function packString(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([head(bytes.length, 0xa0, 31, [0xd9, 0xda, 0xdb]), bytes])
}

// the keys of a Join go to one peer after the other, with nothing changed but the id
const packedLists = new WeakMap<readonly string[], Buffer>()

/** A list of strings as MessagePack; the same list is encoded once. */
export function packStrings(strings: readonly string[]): Buffer {
  let packed = packedLists.get(strings)
  if (!packed) {
    const start = head(strings.length, 0x90, 15, [undefined, 0xdc, 0xdd])
    packed = Buffer.concat([start, ...strings.map(packString)])
    packedLists.set(strings, packed)
  }
  return packed
}

/**
 * The first bytes of a string or list: its format, and its length in as few bytes as possible.
 *
 * @param fixed - the format that holds a length of at most `most` itself
 * @param formats - those whose length follows in 1, 2 and 4 bytes
 */
function head(
  length: number,
  fixed: number,
  most: number,
  [in1, in2, in4]: readonly [number | undefined, number, number],
): Buffer {
  if (length <= most) return Buffer.of(fixed | length)
  if (in1 !== undefined && length <= 0xff) return Buffer.of(in1, length)
  const size = length <= 0xffff ? 2 : 4
  const bytes = Buffer.of(size === 2 ? in2 : in4, 0, 0, 0, 0)
  bytes.writeUIntBE(length, 1, size)
  return bytes.subarray(0, 1 + size)
}
