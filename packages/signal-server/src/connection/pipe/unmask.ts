import { createRequire } from 'node:module'

/** Unmasks bytes in place with the four bytes of a key. */
export type NativeUnmask = (bytes: Uint8Array, key: Uint8Array) => void

/** `bufferutil`'s native code, where that optional dependency is installed and has a binary. */
export const nativeUnmask: NativeUnmask | null = loadNative()

/**
 * From this many bytes on the native code is faster (measured: four times at 16 KiB). Below, the call
 * and the view that it needs cost more than the loop.
 */
export const nativeFrom = 512

function loadNative(): NativeUnmask | null {
  try {
    const { unmask } = createRequire(import.meta.url)('bufferutil') as { unmask: NativeUnmask }
    // Without a binary for the platform it offers a loop in JavaScript, slower than ours.
    return /\[native code\]/.test(unmask.toString()) ? unmask : null
  } catch {
    return null
  }
}

const keyBytes = new Uint8Array(4)

/**
 * Moves masked bytes to the left, or nowhere, and unmasks them (RFC 6455 §5.3).
 *
 * @param view - of all of `chunk`
 * @param to - `from` or less
 * @param key - the mask for the next byte in its low byte, for the one after in the next, …
 * @param native - for long payloads; null to do without
 */
export function moveUnmasked(
  chunk: Buffer,
  view: DataView,
  from: number,
  to: number,
  length: number,
  key: number,
  native: NativeUnmask | null,
): void {
  if (length >= nativeFrom && native !== null) {
    for (let i = 0; i < 4; i++) keyBytes[i] = key >>> (8 * i)
    if (to !== from) chunk.copyWithin(to, from, from + length)
    native(new Uint8Array(chunk.buffer, chunk.byteOffset + to, length), keyBytes)
    return
  }
  // Words of any alignment through a DataView: three times as fast as bytes.
  const end = from + length
  for (; from + 16 <= end; from += 16, to += 16) {
    view.setInt32(to, view.getInt32(from, true) ^ key, true)
    view.setInt32(to + 4, view.getInt32(from + 4, true) ^ key, true)
    view.setInt32(to + 8, view.getInt32(from + 8, true) ^ key, true)
    view.setInt32(to + 12, view.getInt32(from + 12, true) ^ key, true)
  }
  for (; from + 4 <= end; from += 4, to += 4) {
    view.setInt32(to, view.getInt32(from, true) ^ key, true)
  }
  for (; from < end; from++, to++, key >>>= 8) chunk[to] = chunk[from]! ^ key
}

/** The key as it stands `length` bytes further on. */
export function advanceKey(key: number, length: number): number {
  const bits = 8 * (length % 4)
  return (key >>> bits) | (key << (32 - bits))
}
