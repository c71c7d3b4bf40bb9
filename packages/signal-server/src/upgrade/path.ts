import { HttpRefusal } from '../errors.js'

// nothing to decode, and nothing to refuse but its length
const plainSegment = /^[!-$&-~]*$/

/**
 * The decoded segments of a path below a prefix.
 *
 * @param prefix - such as `/introduction`
 * @param path - percent-encoded, without query
 * @param count - how many segments the endpoint has
 * @param maxBytes - of a segment, once decoded, in UTF-8
 * @returns undefined where the path does not start with the prefix
 * @throws HttpRefusal 404 (another number of segments, or an empty one), 400 (malformed `%`,
 * control characters), 414 (too long)
 */
export function segmentsBelow(
  prefix: string,
  path: string,
  count: number,
  maxBytes: number,
): string[] | undefined {
  if (path !== prefix && !path.startsWith(`${prefix}/`)) return undefined
  const segments = path.slice(prefix.length + 1).split('/')
  if (segments.length !== count || segments.includes('')) throw notFound(path)
  return segments.map((segment) => decodeSegment(segment, maxBytes))
}

/** The refusal for a path that no endpoint has. */
export function notFound(path: string): HttpRefusal {
  const shown = path.length > 200 ? `${path.slice(0, 200)}…` : path
  return new HttpRefusal(404, 'not_found', `There is no endpoint at ${JSON.stringify(shown)}.`)
}

/**
 * A segment of a path, percent-decoded once.
 *
 * @param maxBytes - once decoded, in UTF-8
 * @throws HttpRefusal 400 (malformed `%`, control characters), 414 (too long)
 */
export function decodeSegment(segment: string, maxBytes = Infinity): string {
  if (segment.length <= maxBytes && plainSegment.test(segment)) return segment
  let decoded: string
  try {
    decoded = decodeURIComponent(segment)
  } catch {
    throw new HttpRefusal(400, 'bad_request', 'The path has a malformed percent-encoding.')
  }
  for (let i = 0; i < decoded.length; i++) {
    const code = decoded.charCodeAt(i)
    if (code < 0x20 || code === 0x7f) {
      throw new HttpRefusal(400, 'bad_request', 'The path has a control character.')
    }
  }
  if (Buffer.byteLength(decoded) > maxBytes) {
    throw new HttpRefusal(414, 'uri_too_long', `An id or key has at most ${maxBytes} bytes.`)
  }
  return decoded
}

/**
 * The path of a request's target (RFC 9112 §3.2), percent-encoded, without query; undefined where
 * it has none, as `*`.
 */
export function pathOf(target: string): string | undefined {
  // as nearly all are
  if (/^\/[^?#]*$/.test(target)) return target
  // clients of a proxy send the whole URL
  const local = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '')
  const path = local.replace(/[?#].*$/s, '')
  if (path === '' && local !== target) return '/'
  return path.startsWith('/') ? path : undefined
}

/** A request's target for logs: without the token in front of its path, and without its query. */
export const withoutSecrets = (target: string): string =>
  target.replace(/[?#].*$/s, '').replace(/\/t\/[^/]+/, '/t/…')

/** A path as it stands below a mount; undefined where it is elsewhere. */
export function belowMount(mount: string, path: string): string | undefined {
  if (mount === '') return path
  if (path === mount) return '/'
  return path.startsWith(`${mount}/`) ? path.slice(mount.length) : undefined
}

/**
 * A mount path in its one form: '' for the root, else with a slash in front and none behind.
 * @throws TypeError where it is no path
 */
export function mountPath(path: string): string {
  const mount = path.replace(/\/+$/, '')
  if (mount !== '' && !/^(\/[^/?#\s]+)+$/.test(mount)) {
    throw new TypeError(`"${path}" is not a path to mount at: it must be like "/signal".`)
  }
  return mount
}
