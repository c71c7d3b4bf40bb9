import { deepest } from './nesting.js'

// 26 bytes for each value of the largest message; a list of 5,000 keys has a quarter of it
const mostValues = 20_000

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const [list, endOfList, object, endOfObject] = [0x5b, 0x5d, 0x7b, 0x7d]

/**
 * What makes a JSON text too costly to be parsed: how deep it is nested, and how many values it has.
 * `JSON.parse` takes fifty times as long for half a megabyte of empty lists as for one string of that
 * size, and to write them again takes as long once more. This looks at each byte once.
 *
 * @param levels - how deep the text may be nested
 * @returns a sentence about what is exceeded; undefined for a text within the bounds, JSON or not
 */
export function exceededBound(json: Uint8Array, levels = deepest): string | undefined {
  let depth = 0
  let values = 0
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]
    if (byte === quote) {
      i = endOfString(json, i + 1)
    } else if (byte === list || byte === object) {
      if (++depth > levels) return `The message may be nested at most ${levels} deep.`
      values++
    } else if (byte === endOfList || byte === endOfObject) {
      depth--
    } else if (byte === comma) {
      values++
    }
    if (values > mostValues) return `The message may have at most ${mostValues} values.`
  }
  return undefined
}

function endOfString(json: Uint8Array, from: number): number {
  let i = from
  while (i < json.length && json[i] !== quote) i += json[i] === backslash ? 2 : 1
  return i
}
