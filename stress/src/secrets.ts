/** Signs the tokens of a campaign's own server. */
export const secret = 'of a campaign’s own server, and of no other'

/** What gives tokens at `POST /app` of a campaign's own server. */
export const password = 'tell me'
