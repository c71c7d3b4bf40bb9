import type { Endpoint } from './endpoint.js'

// what the server answers itself, as plain HTTP or in front of each path (`/t/<token>`)
const ownPaths = /^\/(healthz|readyz|ice-servers|t)(\/|$)/

/**
 * Refuses an endpoint that would get nothing at its path, because that path belongs to the server or
 * to an endpoint that was plugged in before. What is refused is closed.
 *
 * @throws TypeError that names the path and what has it
 */
export function checkPlace(endpoint: Endpoint, others: readonly Endpoint[]): void {
  const wrong = faultOf(endpoint, others)
  if (wrong === undefined) return
  endpoint.close()
  throw new TypeError(wrong)
}

function faultOf({ name, path }: Endpoint, others: readonly Endpoint[]): string | undefined {
  if (path === undefined) return undefined
  if (path !== '*' && !path.startsWith('/')) {
    return `"${path}" is not a path: it must start with a slash, or be "*".`
  }
  const other = others.find((one) => one.path === path || (path !== '*' && takes(one, path)))
  const owner = ownPaths.test(path) ? 'the server itself' : other && `the endpoint "${other.name}"`
  return owner && `The endpoint "${name}" cannot be at "${path}": ${owner} has that path.`
}

/** Whether an endpoint answers a path, even if only by refusing it. */
function takes(endpoint: Endpoint, path: string): boolean {
  try {
    return endpoint.match(path) !== undefined
  } catch {
    return true
  }
}
