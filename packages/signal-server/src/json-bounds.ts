import { deepest } from './nesting.js'

// 26 bytes each in the largest message
const mostParts = 20_000

const [quote, backslash, colon] = [0x22, 0x5c, 0x3a]
const [list, endOfList, object, endOfObject] = [0x5b, 0x5d, 0x7b, 0x7d]

/**
 * What makes a JSON text too costly to be parsed: how deep it is nested, and how many lists, objects
 * and fields it has. `JSON.parse` takes many times as long for half a megabyte of empty lists as for
 * one string of that size, and to write them again takes as long once more. This looks at each byte
 * once.
 *
 * @param levels - how deep the text may be nested
 * @returns a sentence about what is exceeded; undefined for a text within the bounds, JSON or not
 */
export function exceededBound(json: Uint8Array, levels = deepest): string | undefined {
  let depth = 0
  let parts = 0
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]
    if (byte === quote) {
      i = endOfString(json, i + 1)
    } else if (byte === list || byte === object) {
      if (++depth > levels) return `The message may be nested at most ${levels} deep.`
      parts++
    } else if (byte === endOfList || byte === endOfObject) {
      depth--
    } else if (byte === colon) {
      parts++
    }
    if (parts > mostParts) return `The message may have at most ${mostParts} lists and fields.`
  }
  return undefined
}

function endOfString(json: Uint8Array, from: number): number {
  let i = from
  while (i < json.length && json[i] !== quote) i += json[i] === backslash ? 2 : 1
  return i
}
