import type { Dialect, Request } from './dialect.js'
import { BadMessage } from './dialect.js'
import { jsonFields, keyList, keysAsJson } from './json.js'

/**
 * `cevitxe-signal-client` 0.x and relay client 1.x: JSON text with `join` or `leave`, whatever its
 * `type` says (docs/PROTOCOL.md, Dialects).
 */
export const v0: Dialect = {
  name: 'v0',
  binary: false,
  decode(data) {
    const { join, leave } = jsonFields(data)
    const requests: Request[] = []
    if (join !== undefined) requests.push({ type: 'join', keys: keyList(join, 'join') })
    if (leave !== undefined) requests.push({ type: 'leave', keys: keyList(leave, 'leave') })
    if (requests.length === 0) throw new BadMessage('Expected "join" or "leave".')
    return requests
  },
  encode(notice) {
    if (notice.type !== 'introduction') return undefined
    const { id, keys } = notice
    return Buffer.from(
      `{"type":"Introduction","id":${JSON.stringify(id)},"keys":${keysAsJson(keys)}}`,
    )
  },
}
