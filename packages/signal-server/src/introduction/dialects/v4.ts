import { Packr } from 'msgpackr'
import type { Dialect } from './dialect.js'
import { BadMessage } from './dialect.js'
import { asFields } from './json.js'
import { documentRequests } from './v3.js'

// plain msgpack without the library's own record extension, which other decoders do not know;
// maps become objects whose keys cannot reach a prototype
const packr = new Packr({ useRecords: false, mapsAsObjects: true })

/** `@localfirst/relay` 4.x: msgpack maps in binary frames (docs/PROTOCOL.md, Dialects). */
export const v4: Dialect = {
  name: 'v4',
  binary: true,
  decode(data) {
    let value: unknown
    try {
      value = packr.unpack(data)
    } catch {
      throw new BadMessage('The message is not msgpack.')
    }
    return documentRequests(asFields(value))
  },
  encode(notice) {
    if (notice.type !== 'introduction') return undefined
    return packr.pack({ type: 'Introduction', peerId: notice.id, documentIds: notice.keys })
  },
}
