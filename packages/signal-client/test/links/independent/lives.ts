// Whether a hello belongs to the life of a link (PROTOCOL.md, 14.9).

import { toHex } from './decoder.js'
import type { Hello } from './decoder.js'

export type Verdict = 'stale' | 'first' | 'resumed' | 'other'
export type Known = {
  session: string
  peerSession: string
  life: string
  peerLife: string | undefined // known in this life
  peerCount: number // of the newest life of the peer that was ever known
}

export const countOf = (life: string): number => parseInt(life.slice(0, 8), 16)

export function judge(known: Known, { session, to, life, peerLife }: Hello): Verdict {
  if (session !== known.peerSession || to !== known.session || countOf(life) < known.peerCount)
    return 'stale'
  const fits = peerLife === undefined || peerLife === known.life
  if (!known.peerLife && fits) return 'first'
  if (!known.peerLife && countOf(peerLife!) < countOf(known.life)) return 'stale'
  return life === known.peerLife && fits ? 'resumed' : 'other'
}

export function lifeAfter(life: string): string {
  const count = (countOf(life) + 1).toString(16).padStart(8, '0')
  return count + toHex(crypto.getRandomValues(new Uint8Array(8)))
}
