import type { Dialect, Request } from './dialect.js'
import { BadMessage } from './dialect.js'
import { jsonFields, keyList, keysAsJson, type Fields } from './json.js'

/**
 * `@localfirst/relay-client` 3.x: JSON text with `documentIds` (docs/PROTOCOL.md, Dialects). Its
 * clients throw on everything but an Introduction, so they are sent nothing else.
 */
export const v3: Dialect = {
  name: 'v3',
  binary: false,
  decode: (data) => documentRequests(jsonFields(data)),
  encode(notice) {
    if (notice.type !== 'introduction') return undefined
    const { id, keys } = notice
    return Buffer.from(
      `{"type":"Introduction","userName":${JSON.stringify(id)},"documentIds":${keysAsJson(keys)}}`,
    )
  },
}

/** The request in a message of v3 or v4, which differ in their encoding only. */
export function documentRequests({ type, documentIds }: Fields): Request[] {
  switch (type) {
    case 'Join':
      return [{ type: 'join', keys: keyList(documentIds, 'documentIds') }]
    case 'Leave':
      return [{ type: 'leave', keys: keyList(documentIds, 'documentIds') }]
    case 'Heartbeat':
    case '❤️':
      return [{ type: 'nothing' }]
    default:
      throw new BadMessage('Expected the type "Join", "Leave" or "Heartbeat".')
  }
}
