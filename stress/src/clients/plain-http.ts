import type { Target } from '../target.js'
import { RawClient } from './raw-client.js'

/** The head of a request, with the blank line behind it. */
export function requestHead(
  target: Pick<Target, 'headers'>,
  method: string,
  path: string,
  fields: Readonly<Record<string, string>> = {},
): string {
  const lines = Object.entries({ Host: 'localhost', ...target.headers, ...fields })
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n`
}

/** One request on a connection of its own. @returns all that was answered */
export async function request(
  target: Target,
  method: string,
  path: string,
  body = '',
  type = 'application/json',
): Promise<string> {
  const client = new RawClient(target)
  const length = String(Buffer.byteLength(body))
  const fields = { Connection: 'close', 'Content-Type': type, 'Content-Length': length }
  client.write(Buffer.from(requestHead(target, method, path, fields) + body))
  const late = setTimeout(() => client.close(), 10_000)
  await client.closed
  clearTimeout(late)
  return client.heard
}
