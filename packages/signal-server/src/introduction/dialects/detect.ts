import type { Dialect } from './dialect.js'
import { v0 } from './v0.js'
import { v3 } from './v3.js'
import { v4 } from './v4.js'
import { jsonFields } from './json.js'

/**
 * The dialect that a client without the subprotocol `signal.v1` shows with a message.
 *
 * @returns undefined where the message fits more than one (a v3 Heartbeat before the first Join)
 * @throws BadMessage where it fits none
 */
export function detectDialect(data: Buffer, binary: boolean): Dialect | undefined {
  if (binary) {
    v4.decode(data)
    return v4
  }
  const fields = jsonFields(data)
  if (fields.documentIds !== undefined) return v3
  if (fields.type === 'Heartbeat') return undefined
  v0.decode(data)
  return v0
}
