import type { Dialect } from './dialect.js'
import { BadMessage } from './dialect.js'
import type { Fields } from './json.js'
import { MsgpackReader } from './msgpack-reader.js'
import { packString, packStrings } from './msgpack-writer.js'
import { documentRequests } from './v3.js'

/**
 * `@localfirst/relay` 4.x: MessagePack maps in binary frames (docs/PROTOCOL.md, Dialects). Of a
 * message only `type` and `documentIds` are kept; other fields are checked and skipped.
 */
export const v4: Dialect = {
  name: 'v4',
  binary: true,
  decode: (data) => documentRequests(documentFields(data)),
  encode(notice) {
    if (notice.type !== 'introduction') return undefined
    return Buffer.concat([
      introductionStart,
      packString(notice.id),
      documentIdsName,
      packStrings(notice.keys),
    ])
  },
}

const documentIdsName = packString('documentIds')
const introductionStart = Buffer.concat([
  // a map of three entries, in the format that the published server uses
  Buffer.of(0xde, 0, 3),
  ...['type', 'Introduction', 'peerId'].map(packString),
])

/** @throws BadMessage if it is not a map of this dialect, or says one of its fields twice */
function documentFields(data: Buffer): Fields {
  const reader = new MsgpackReader(data)
  const entries = reader.map()
  if (entries === undefined) throw new BadMessage('The message is not an object.')
  const fields: Record<string, unknown> = {}
  for (let left = entries; left > 0; left--) {
    const name = reader.string()
    if (name === undefined) throw new BadMessage('A key of a map must be a string.')
    if (name !== 'type' && name !== 'documentIds') {
      reader.skip()
      continue
    }
    if (Object.hasOwn(fields, name)) throw new BadMessage(`"${name}" is there twice.`)
    fields[name] = name === 'type' ? reader.string() : reader.strings()
  }
  reader.end()
  return fields
}
