import { HttpRefusal } from '../errors.js'
import type { TokenClaims } from './tokens.js'

/** The fields of a body, as a form or JSON had them. */
export type BodyFields = Readonly<Record<string, unknown>>

/**
 * What is asked for in a body: its fields are known, and each is there once.
 *
 * @param body - as Express has parsed it
 * @throws HttpRefusal 400, with a sentence that names the field
 */
export function fieldsOf(body: unknown, known: readonly string[]): BodyFields {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw badRequest('The body must be a form or a JSON object.')
  }
  const unknown = Object.keys(body).find((name) => !known.includes(name))
  if (unknown !== undefined) {
    const shown = JSON.stringify(unknown.slice(0, 40))
    throw badRequest(`${shown} is no field here. The fields are ${known.join(', ')}.`)
  }
  return body as BodyFields
}

/**
 * A field that is a text and not empty.
 * @throws HttpRefusal 400
 */
export function textField(fields: BodyFields, name: string): string {
  const value = fields[name]
  if (value === undefined || value === '') throw badRequest(`"${name}" is missing.`)
  if (typeof value !== 'string') throw badRequest(`"${name}" must be one text.`)
  return value
}

/**
 * What a token shall say.
 * @throws HttpRefusal 400
 */
export function claimsFrom(fields: BodyFields): TokenClaims {
  const { id, keys, expiresIn } = fields
  return {
    app: textField(fields, 'app'),
    ...(id !== undefined && { id: textField(fields, 'id') }),
    // a form has one text where it has one key
    ...(keys !== undefined && { keys: (typeof keys === 'string' ? [keys] : keys) as string[] }),
    ...(expiresIn !== undefined && { expiresIn: seconds(expiresIn) }),
  }
}

function seconds(value: unknown): number {
  const decimal = typeof value === 'string' && /^\d{1,15}(\.\d{1,3})?$/.test(value)
  const number = decimal ? Number(value) : value
  if (typeof number === 'number' && number > 0) return number
  throw badRequest('"expiresIn" must be a number of seconds above 0.')
}

export const badRequest = (sentence: string) => new HttpRefusal(400, 'bad_request', sentence)
