/**
 * Close codes that the server sends, by name. Those below 4000 are registered (RFC 6455 §7.4.1
 * and the IANA registry); the others belong to this protocol.
 */
export const CloseCode = {
  normal: 1000,
  protocolError: 1002,
  unsupportedData: 1003,
  invalidPayload: 1007,
  tooBig: 1009,
  restarting: 1012,
  tryLater: 1013,
  badMessage: 4400,
  unauthorized: 4401,
  forbidden: 4403,
  timedOut: 4408,
  superseded: 4409,
  peerGone: 4410,
  tooMany: 4429,
} as const

export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode]

/** The sentence that goes with each close code, short enough for a close frame (123 bytes). */
export const closeReason: Record<CloseCode, string> = {
  1000: 'Closed.',
  1002: 'The frame breaks a rule of RFC 6455.',
  1003: 'This type of data is not accepted here.',
  1007: 'The text is not valid UTF-8.',
  1009: 'The message is too big.',
  1012: 'The server restarts: connect again.',
  1013: 'The server has no room for this now: try again later.',
  4400: 'Too many messages could not be understood.',
  4401: 'The token has expired or was revoked.',
  4403: 'Not allowed for this id, key or app.',
  4408: 'Timed out: the other side did not come, or did not read, in time.',
  4409: 'A newer connection took the place of this one.',
  4410: 'The other side is gone.',
  4429: 'Too many messages.',
}
