import type { Json } from 'signal-server-protocol'

/** Names an object that stands for bytes. A client's own name of this kind gets one more `$`. */
const mark = '$bytes'
const ownMark = /^[$]+bytes$/
// a client's value has at most 100 levels, and stands inside a message
const deepest = 120

/**
 * A value as it travels between instances, which send each other JSON: each of its bytes, which a
 * client of socket.io may send anywhere, is an object with base64.
 *
 * @param value - JSON with bytes, not nested too deep
 */
export function carried(value: unknown): Json {
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value
    return { [mark]: Buffer.from(buffer, byteOffset, byteLength).toString('base64') }
  }
  if (Array.isArray(value)) return value.map(carried)
  if (typeof value !== 'object' || value === null) return (value ?? null) as Json
  const fields: [string, Json][] = []
  for (const [name, each] of Object.entries(value)) {
    if (each !== undefined) fields.push([ownMark.test(name) ? `$${name}` : name, carried(each)])
  }
  return Object.fromEntries(fields)
}

/**
 * What {@link carried} was given.
 * @throws TypeError if it was not made by that
 */
export function restored(json: Json, depth = 0): unknown {
  if (depth > deepest) throw new TypeError('nested too deeply')
  if (Array.isArray(json)) return json.map((each) => restored(each, depth + 1))
  if (typeof json !== 'object' || json === null) return json
  if (Object.hasOwn(json, mark)) {
    const base64 = json[mark]
    if (typeof base64 !== 'string') throw new TypeError('no bytes')
    return Buffer.from(base64, 'base64')
  }
  const fields = Object.entries(json).map(([name, each]) => [
    ownMark.test(name) ? name.slice(1) : name,
    restored(each, depth + 1),
  ])
  return Object.fromEntries(fields) as unknown
}
