import { exceededBound } from 'signal-server'
import { Refusal } from './refusal.js'

/** A JSON object as a client sent it: its fields are not to be trusted. */
export type Fields = Readonly<Record<string, unknown>>

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * The object in a message. A binary frame is read as text: clients that send what they have in a
 * buffer mean the same.
 *
 * @throws Refusal if it is not a JSON object in UTF-8, is nested too deeply or has too many parts
 */
export function fieldsOf(data: Uint8Array): Fields {
  const exceeded = exceededBound(data)
  if (exceeded) throw new Refusal('bad_message', exceeded)
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(data))
  } catch {
    throw new Refusal('bad_message', 'The message is not JSON.')
  }
  if (!isFields(value)) throw new Refusal('bad_message', 'The message is not an object.')
  return value
}

/** Whether a value is an object with named fields. */
export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * A field that is an object.
 * @throws Refusal where it is missing or anything else
 */
export function fields(message: Fields, name: string): Fields {
  const value = message[name]
  if (!isFields(value)) throw new Refusal('bad_message', `"${name}" must be an object.`)
  return value
}

/**
 * A field that is a text and not empty.
 *
 * @param maxBytes - in UTF-8 and as JSON, without the quotes: a control character becomes six bytes,
 * which go to everybody
 * @throws Refusal where it is missing, of another type, empty or too long
 */
export function text(message: Fields, name: string, maxBytes = Infinity): string {
  const value = message[name]
  if (typeof value !== 'string' || value === '') {
    throw new Refusal('bad_message', `"${name}" must be a text.`)
  }
  if (value.length > maxBytes || Buffer.byteLength(JSON.stringify(value)) - 2 > maxBytes) {
    throw new Refusal('bad_message', `"${name}" has at most ${maxBytes} bytes as JSON.`)
  }
  return value
}
