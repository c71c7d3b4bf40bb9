import { createHmac } from 'node:crypto'
import type { IceServer } from 'signal-server-protocol'

/** STUN and TURN servers, and the secret that the TURN servers share with this one. */
export interface IceServersOptions {
  /** Such as `stun:stun.example.com:3478`. @default none */
  stunUrls?: readonly string[]
  /** Such as `turn:turn.example.com:3478?transport=udp`. @default none */
  turnUrls?: readonly string[]
  /** coturn's `static-auth-secret`; needed with `turnUrls`. */
  turnSecret?: string
  /** How long a credential is good for, in seconds. @default 86400 */
  lifetime?: number
}

/**
 * For {@link SignalServerOptions.iceServers}: makes a TURN credential anew each time, which expires
 * and which coturn checks without being asked for it (its `use-auth-secret`: the name is the time
 * of expiry, the password its HMAC-SHA1).
 *
 * @throws TypeError where TURN servers have no secret
 */
export function expiringIceServers({
  stunUrls = [],
  turnUrls = [],
  turnSecret,
  lifetime = 86_400,
}: IceServersOptions): () => IceServer[] {
  if (turnUrls.length > 0 && !turnSecret) {
    throw new TypeError('TURN servers need the secret that they share with this server.')
  }
  const stun: IceServer[] = stunUrls.length > 0 ? [{ urls: [...stunUrls] }] : []
  return () => {
    if (turnUrls.length === 0 || !turnSecret) return stun
    const username = `${Math.floor(Date.now() / 1_000) + lifetime}:signal`
    const credential = createHmac('sha1', turnSecret).update(username).digest('base64')
    return [...stun, { urls: [...turnUrls], username, credential }]
  }
}
