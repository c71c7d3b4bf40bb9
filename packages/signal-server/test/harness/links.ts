import { randomBytes } from 'node:crypto'
import { LINK_SUBPROTOCOL_PREFIX, SUBPROTOCOL } from 'signal-server-protocol'

/** A session as a client of the link protocol makes it. */
export const linkSession = (): string => randomBytes(8).toString('base64url')

/** A hello of so many characters; one of version 1 has 64. */
export const linkHello = (length = 64): string =>
  randomBytes(length).toString('base64url').slice(0, length)

/** The subprotocols of a client that speaks `signal.v1` and offers these links. */
export const offering = (...links: string[]): string[] => [
  ...links.map((link) => `${LINK_SUBPROTOCOL_PREFIX}${link}`),
  SUBPROTOCOL,
]

/** Subprotocols that offer no valid session. */
export const badSessions: Readonly<Record<string, string[]>> = {
  'ten characters': offering('a'.repeat(10)),
  'twelve characters': offering('a'.repeat(12)),
  'no character': offering(''),
  'a character that is not of base64url': offering('aaaaa.aaaaa'),
  'two that differ': offering('a'.repeat(11), 'b'.repeat(11)),
  'a valid one and a malformed one': offering('a'.repeat(11), 'b'),
  'one of a later version': ['signal.link.2.aaaaaaaaaaa', SUBPROTOCOL],
  'the name of the subprotocol in capitals': ['SIGNAL.LINK.1.aaaaaaaaaaa', SUBPROTOCOL],
}

/** Subprotocols that offer no valid hello. */
export const badHellos: Readonly<Record<string, string[]>> = {
  '19 characters': offering('a'.repeat(19)),
  '301 characters': offering('a'.repeat(301)),
  'no character': offering(''),
  'a character that is not of base64url': offering(`${'a'.repeat(40)}~`),
  'two that differ': offering('a'.repeat(40), 'b'.repeat(40)),
  'a valid one and a malformed one': offering('a'.repeat(40), 'b'),
  'one of a later version': [`signal.link.2.${'a'.repeat(40)}`, SUBPROTOCOL],
}
