import { isDeepStrictEqual } from 'node:util'

/** The server has done something else than the specification says; the message is one line. */
export class Failure extends Error {
  override readonly name = 'Failure'
}

/** @throws Failure that shows both, where they differ */
export function same(actual: unknown, expected: unknown, what: string): void {
  if (!isDeepStrictEqual(actual, expected)) {
    throw new Failure(`${what}: expected ${shown(expected)}, got ${shown(actual)}`)
  }
}

/** @throws Failure with the sentence, where it is not so */
export function must(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new Failure(sentence)
}

/** A value on one line, cut where it is long. */
function shown(value: unknown): string {
  const text = Buffer.isBuffer(value)
    ? `${value.length} bytes ${value.subarray(0, 16).toString('hex')}`
    : (JSON.stringify(value) ?? String(value))
  return text.length > 160 ? `${text.slice(0, 160)}…` : text
}
