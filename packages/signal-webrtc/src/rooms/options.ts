import type { Tokens } from 'signal-server'
import { defaultRate, type Rate } from '../json/rate.js'

/** How {@link rooms} behaves. Sizes are in bytes. */
export interface RoomsOptions extends Rate {
  /** Makes and checks the tokens of apps, which let clients in. */
  tokens: Tokens
  /** Who knows it gets tokens at `POST /app`. @default none: there is no such route */
  password?: string
  /** Where socket.io is, below the server's mount. @default '/socket.io' */
  path?: string
  /** How long a session token is good for, in seconds. @default 86400 */
  tokenLifetime?: number
  /** Size of a message. @default 65536 */
  maxMessageBytes?: number
  /** Size of a `payload`, as JSON. @default 16384 */
  maxPayloadBytes?: number
  /** Members of one room. @default 500 */
  maxMembers?: number
  /** Rooms that one client is in or asks to be let into. @default 100 */
  maxRooms?: number
}

/** The options that have a default. */
export const roomsDefaults = {
  ...defaultRate,
  path: '/socket.io',
  tokenLifetime: 86_400,
  maxMessageBytes: 64 * 1024,
  // room for what people show of themselves, not for what they send each other
  maxPayloadBytes: 16 * 1024,
  // the info of so many fits into what may be queued for a newcomer
  maxMembers: 500,
  maxRooms: 100,
}

export type RoomsSettings = RoomsOptions & typeof roomsDefaults
