import { Tokens } from 'signal-server'
import { secret } from './secrets.js'

/** A token for an app of the rooms of a campaign's own server. */
export const tokenOf = (): Promise<string> => new Tokens({ secret }).issue({ app: 'stress' })
