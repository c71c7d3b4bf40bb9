import { SettingError } from './setting-kinds.js'

// with everything below: `/t/<token>` stands in front of each path
const ownFolders = ['/introduction', '/connection', '/t', '/demo']
const ownPaths = ['/healthz', '/readyz', '/ice-servers', '/metrics', '/status', '/app']

/**
 * Refuses paths of endpoints at which something else would answer.
 *
 * @param paths - by setting; false if the endpoint is off
 * @throws SettingError that names the settings
 */
export function checkPaths(paths: ReadonlyMap<string, string | false>): void {
  const taken = new Map<string, string>()
  for (const [name, path] of paths) {
    if (path === false) continue
    const folder = ownFolders.find((one) => path === one || path.startsWith(`${one}/`))
    const own = folder ?? ownPaths.find((one) => path === one)
    if (own !== undefined) {
      throw new SettingError(
        `${name} must not be at ${path}: the server itself uses ${own}. Choose another path.`,
      )
    }
    const other = taken.get(path)
    if (other !== undefined) {
      throw new SettingError(`${other} and ${name} must not both be at ${path}.`)
    }
    taken.set(path, name)
  }
}
