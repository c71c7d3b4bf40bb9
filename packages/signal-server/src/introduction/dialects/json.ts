import { BadMessage } from './dialect.js'

/** A JSON object or msgpack map. */
export type Fields = Record<string, unknown>

/**
 * The fields of a JSON text message.
 * @throws BadMessage where it is binary, not JSON, or not an object
 */
export function jsonFields(data: Buffer, binary: boolean): Fields {
  if (binary) throw new BadMessage('Expected a text message, got a binary one.')
  let value: unknown
  try {
    value = JSON.parse(data.toString())
  } catch {
    throw new BadMessage('The message is not JSON.')
  }
  return asFields(value)
}

/** @throws BadMessage where the value is not an object with named fields */
export function asFields(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new BadMessage('The message is not an object.')
  }
  return value as Fields
}

/**
 * A list of keys; each once.
 * @throws BadMessage where it is anything else
 */
export function keyList(value: unknown, field: string): string[] {
  if (!Array.isArray(value) || !value.every((key) => typeof key === 'string' && key !== '')) {
    throw new BadMessage(`"${field}" must be a list of non-empty strings.`)
  }
  return [...new Set(value as string[])]
}
