import { randomUUID } from 'node:crypto'

/** Who the doctor says to be. */
export interface ProbeClient {
  id: string
  otherId: string
  key: string
  /** The token is for this key, and for none that is longer. */
  exactKey: boolean
  /** A token that is bound to one id lets only one peer in, and a pair needs two. */
  alone: boolean
}

/** What a token says; its signature is the server's to check. */
export function claimsOf(token: string): { id?: string; keys?: string[]; text: string } {
  let claims: { app?: unknown; sub?: unknown; keys?: unknown; exp?: unknown } = {}
  try {
    const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
    claims = (JSON.parse(payload) ?? {}) as typeof claims
  } catch {
    // whatever it is, it is for the server to read
  }
  const { app, sub, keys, exp } = claims
  const parts: string[] = []
  if (typeof app === 'string') parts.push(`for the app ${JSON.stringify(app)}`)
  if (typeof sub === 'string') parts.push('for one id')
  if (Array.isArray(keys)) parts.push('for some keys')
  if (typeof exp === 'number') parts.push(`until ${new Date(exp * 1_000).toISOString()}`)
  return {
    ...(typeof sub === 'string' && { id: sub }),
    ...(Array.isArray(keys) && { keys: keys.map(String) }),
    text: parts.length > 0 ? ` (${parts.join(', ')})` : '',
  }
}

/** Ids and a key that nobody else has, as far as the token allows. */
export function probeClientFor(token: string | undefined): ProbeClient {
  const { id, keys } = token === undefined ? {} : claimsOf(token)
  const [pattern = '*'] = keys ?? []
  const exactKey = !pattern.endsWith('*')
  const key = exactKey ? pattern : `${pattern.slice(0, -1)}doctor-${randomUUID()}`
  return { id: id ?? randomUUID(), otherId: randomUUID(), key, exactKey, alone: id !== undefined }
}
