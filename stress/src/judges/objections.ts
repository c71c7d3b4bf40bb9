import type { Welcome } from '../bystanders/newcomers.js'

/** What the judges have seen since they looked last. */
export interface Observation {
  /** CPU time of the longest turn of an event loop, in ms. */
  turn: number
  /** The longest that a bystander waited, in ms, and at which endpoint. */
  wait: number
  waitedAt: string
  /** Resident memory after a collection, in bytes; of all instances together. */
  rss: number
  /** What the server says that it keeps for its clients, in bytes. */
  counted: number
  /** What else the server and the bystanders noticed. */
  faults: readonly string[]
}

// Each is an allowance on top of what the same server needs in the same run when it is idle. What a
// fault costs is seconds, and hundreds of megabytes.
// A turn serves every socket that has something to say, a thousand at once.
const moreTurn = 400
const moreWait = 1_000
const moreMemory = 112 * 2 ** 20
const countedTimes = 1.5
const moreWelcome = 3_000

/**
 * What the four judges object to, each in a sentence.
 *
 * @param idle - the same server without load
 * @param welcomes - what newcomers were told, by endpoint; the first of the idle server
 */
export function objections(
  idle: Observation,
  seen: Observation,
  idleWelcomes: Readonly<Record<string, Welcome>> = {},
  welcomes: Readonly<Record<string, Welcome>> = {},
): string[] {
  const sentences = [...seen.faults]
  if (seen.turn > idle.turn + moreTurn) {
    sentences.push(`Event loop: one turn took ${ms(seen.turn)} of CPU; idle ${ms(idle.turn)}.`)
  }
  if (seen.wait > idle.wait * 3 + moreWait) {
    const waited = `waited ${ms(seen.wait)}; idle ${ms(idle.wait)}`
    sentences.push(`Bystander at ${seen.waitedAt}: ${waited}.`)
  }
  if (seen.rss > idle.rss + countedTimes * seen.counted + moreMemory) {
    const counted = `${mb(seen.counted)} counted; before ${mb(idle.rss)}`
    sentences.push(`Memory: ${mb(seen.rss)} with ${counted}.`)
  }
  for (const [name, { took, refused }] of Object.entries(welcomes)) {
    const usual = idleWelcomes[name]?.took ?? 0
    if (refused !== undefined) sentences.push(`Newcomer, ${name}: ${refused}`)
    else if (took > usual * 5 + moreWelcome) {
      sentences.push(`Newcomer, ${name}: served only after ${ms(took)}; idle ${ms(usual)}.`)
    }
  }
  return sentences
}

const ms = (milliseconds: number) => `${Math.round(milliseconds)} ms`
const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`
