import { LINK_SUBPROTOCOL_PREFIX } from 'signal-server-protocol'
import type { Upgrade } from '../endpoint.js'
import { offeredProtocols } from './handshake.js'

// 8 bytes as base64url
const sessionPattern = /^[\w-]{11}$/
const helloPattern = /^[\w-]{20,300}$/

/** Whether this names a session of a client that speaks the link protocol. */
export const isLinkSession = (value: unknown): value is string =>
  typeof value === 'string' && sessionPattern.test(value)

/** Whether this is a hello, which a client of the link protocol sends to the other end of its pipe. */
export const isLinkHello = (value: unknown): value is string =>
  typeof value === 'string' && helloPattern.test(value)

/**
 * Reads the offer for the link protocol that a client makes beside `signal.v1`.
 *
 * @param isValid - whether an offer has the form that is allowed
 * @returns undefined if the client offers nothing, several offers or a malformed one: a later version
 * may offer what this one does not know
 */
export function offeredLink(
  { request, v1 }: Pick<Upgrade, 'request' | 'v1'>,
  isValid: (value: unknown) => value is string,
): string | undefined {
  if (!v1) return undefined
  const [offer, ...others] = offeredProtocols(request).filter((name) =>
    name.startsWith(LINK_SUBPROTOCOL_PREFIX),
  )
  const link = offer?.slice(LINK_SUBPROTOCOL_PREFIX.length)
  if (!isValid(link) || others.length > 0) return undefined
  // a copy, for a part of the header keeps all of it in memory
  return Buffer.from(link, 'latin1').toString('latin1')
}
