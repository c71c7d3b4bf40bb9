/**
 * Under which URL this machine reaches a server.
 *
 * @param path - below which it is; '' or / for the root
 */
export function listeningUrl(server: {
  host?: string | undefined
  port: number
  path: string
  tls: boolean
}): string {
  const { host, port, path, tls } = server
  const name = host === undefined || host === '::' || host === '0.0.0.0' ? 'localhost' : host
  const inUrl = name.includes(':') ? `[${name}]` : name
  return `${tls ? 'https' : 'http'}://${inUrl}:${port}${path === '/' ? '' : path}`
}
