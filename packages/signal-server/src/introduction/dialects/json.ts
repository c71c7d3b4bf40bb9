import { exceededBound } from '../../json-bounds.js'
import { deepest } from '../../nesting.js'
import { BadMessage } from './dialect.js'

/** A JSON object or msgpack map. */
export type Fields = Record<string, unknown>

/**
 * The fields of a JSON text message.
 * @throws BadMessage if it is not JSON, not an object, is nested too deeply, or has too many
 * parts
 */
export function jsonFields(data: Buffer): Fields {
  // the message, and what a field of it may have
  const exceeded = exceededBound(data, 1 + deepest)
  if (exceeded) throw new BadMessage(exceeded)
  let value: unknown
  try {
    value = JSON.parse(data.toString())
  } catch {
    throw new BadMessage('The message is not JSON.')
  }
  return asFields(value)
}

// the keys of a Join go to one peer after the other, with nothing changed but the id
const encodedKeys = new WeakMap<readonly string[], string>()

/** A list of keys as JSON; many are asked for again and again. */
export function keysAsJson(keys: readonly string[]): string {
  let json = encodedKeys.get(keys)
  if (json === undefined) encodedKeys.set(keys, (json = JSON.stringify(keys)))
  return json
}

/** @throws BadMessage where the value is not an object with named fields */
function asFields(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new BadMessage('The message is not an object.')
  }
  return value as Fields
}

/**
 * A list of keys; each once.
 * @throws BadMessage if it is anything else, or if a key could not be part of a URL
 */
export function keyList(value: unknown, field: string): string[] {
  if (!Array.isArray(value) || !value.every(isKey)) {
    throw new BadMessage(`"${field}" must be a list of non-empty strings of Unicode characters.`)
  }
  return [...new Set(value)]
}

// half of a surrogate pair has no UTF-8, and would be another key on its way
const isKey = (key: unknown): key is string =>
  typeof key === 'string' && key !== '' && !/\p{Surrogate}/u.test(key)
