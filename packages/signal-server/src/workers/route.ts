import { createHash } from 'node:crypto'

/** What the first bytes of a connection say about where it belongs. */
export type Route =
  /** The request line is not complete yet. */
  | 'unknown'
  /** Any worker will do. */
  | 'any'
  /** All with the same number belong together. */
  | number

/**
 * Where a connection belongs, judged by its request line. The two sockets of a pair belong
 * together, so that the bytes between them leave no process; so do all clients of an endpoint that
 * keeps its peers to itself; introductions can be anywhere, for the bus joins them.
 *
 * @param head - the first bytes of the connection
 * @param mount - the path below which the server is; '' for the root
 */
export function routeOf(head: Buffer, mount: string): Route {
  const end = head.indexOf('\r\n')
  if (end < 0) return 'unknown'
  const [, target = '/'] = head.toString('latin1', 0, end).split(' ')
  const path = target.replace(/[?#].*$/s, '').replace(/^\w+:\/\/[^/]*/, '')
  const below = path.startsWith(`${mount}/`) ? path.slice(mount.length) : path
  const bare = below.replace(/^\/t\/[^/]+(?=\/)/, '')
  const [, endpoint = '', ...segments] = bare.split('/')
  if (endpoint === 'introduction') return 'any'
  if (endpoint !== 'connection' || segments.length !== 3) return numberOf(endpoint)
  const [a, b, key] = segments.map(decoded) as [string, string, string]
  return numberOf(JSON.stringify([...[a, b].sort(), key]))
}

/** Of two ways to write an id in a URL, both must lead to the same worker. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

const numberOf = (text: string) => createHash('sha1').update(text).digest().readUInt32BE()
