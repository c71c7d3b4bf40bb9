/**
 * The stable codes of an `Error` message (and of the body of a refused HTTP request), with the
 * sentence that each starts from; the server adds the figure that is allowed where there is one.
 */
export const errorSentence = {
  bad_message: 'The message is not one that this protocol knows.',
  too_many_keys: 'More keys than a peer may have: nothing of the message was done.',
  key_too_long: 'A key is longer than allowed: nothing of the message was done.',
  room_full: 'These keys have as many peers as a key may have.',
  unknown_peer: 'No such peer shares a key with this one.',
  info_too_big: 'The info is bigger than allowed.',
  server_full: 'The server has no room for more: try again later.',
  not_supported: 'The other peer speaks an older protocol, which has no such message.',
  rate_limited: 'Too many requests: try again later.',
  unauthorized: 'A valid token is needed.',
  forbidden: 'Not allowed for this id, key or app.',
} as const

export type ErrorCode = keyof typeof errorSentence
