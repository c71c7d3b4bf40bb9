import type { Json } from 'signal-server-protocol'
import { deepest, nestedTooDeep } from '../../nesting.js'
import { BadMessage } from './dialect.js'

/** A JSON object or msgpack map. */
export type Fields = Record<string, unknown>

/**
 * The fields of a JSON text message.
 * @throws BadMessage where it is not JSON, or not an object
 */
export function jsonFields(data: Buffer): Fields {
  let value: unknown
  try {
    value = JSON.parse(data.toString())
  } catch {
    throw new BadMessage('The message is not JSON.')
  }
  return asFields(value)
}

/**
 * A value from a message, to be sent on.
 * @throws BadMessage where it is nested so deeply that it could not be encoded again
 */
export function jsonValue(value: unknown, field: string): Json {
  if (nestedTooDeep(value)) {
    throw new BadMessage(`"${field}" must be nested at most ${deepest} deep.`)
  }
  return value as Json
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
