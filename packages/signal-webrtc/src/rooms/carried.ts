import type { Json } from 'signal-server-protocol'

/** The names and indices that lead to a part of a value. */
type Place = (string | number)[]

/** A value of socket.io as it travels between instances, which send each other JSON. */
interface Carried {
  /** The value, with null for each of its bytes. */
  readonly value: Json
  /** Bytes in base64, and where they are in the value; left out if it has none. */
  readonly bytes?: [place: Place, base64: string][]
}

/** @param value - JSON, except for bytes, which a client of socket.io may send anywhere in it */
export function carried(value: unknown): Json {
  const bytes: [Place, string][] = []
  const plain = withoutBytes(value, [], bytes)
  const all: Carried = bytes.length > 0 ? { value: plain, bytes } : { value: plain }
  return all as unknown as Json
}

/**
 * What {@link carried} was given.
 * @throws TypeError if it was not made by that
 */
export function restored(json: Json): unknown {
  const { value, bytes = [] } = json as unknown as Carried
  const root: Record<string, unknown> = { value }
  for (const [place, base64] of bytes) {
    let holder = root
    let name: string | number = 'value'
    for (const step of place) {
      holder = own(holder, name) as Record<string, unknown>
      name = step
    }
    own(holder, name)
    holder[name] = Buffer.from(base64, 'base64')
  }
  return root['value']
}

/** @param place - where the value is; the same afterwards */
function withoutBytes(value: unknown, place: Place, bytes: [Place, string][]): Json {
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value
    bytes.push([[...place], Buffer.from(buffer, byteOffset, byteLength).toString('base64')])
    return null
  }
  if (typeof value !== 'object' || value === null) return (value ?? null) as Json
  const inside = (name: Place[number], each: unknown) => {
    place.push(name)
    const plain = withoutBytes(each, place, bytes)
    place.pop()
    return plain
  }
  if (Array.isArray(value)) return value.map((each, i) => inside(i, each))
  const fields: [string, Json][] = []
  for (const [name, each] of Object.entries(value)) {
    if (each !== undefined) fields.push([name, inside(name, each)])
  }
  return Object.fromEntries(fields)
}

/** What an object itself has: a place may not lead to a prototype. */
function own(holder: unknown, name: string | number): unknown {
  if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, name)) {
    throw new TypeError('no such place')
  }
  return (holder as Record<string | number, unknown>)[name]
}
