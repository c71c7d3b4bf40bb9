/** The path of the introduction endpoint for a peer, below the server's URL; encodes the id. */
export const introductionPath = (localId: string): string =>
  `/introduction/${encodeURIComponent(localId)}`

/** The path of the connection endpoint for a pair of peers and a key; encodes all three. */
export const connectionPath = (localId: string, remoteId: string, key: string): string =>
  `/connection/${[localId, remoteId, key].map(encodeURIComponent).join('/')}`

/** Put in front of a path, it carries a token for clients that can be given only a URL. */
export const tokenPath = (token: string): string => `/t/${encodeURIComponent(token)}`
