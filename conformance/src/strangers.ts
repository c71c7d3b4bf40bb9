import { Failure } from './failure.js'
import type { Introduced } from './dialects.js'
import type { Participant } from './participant.js'
import type { Scene } from './scene.js'

/** Sees that a peer was introduced to nobody of these until now. */
export async function expectStrangers(
  scene: Scene,
  participant: Participant,
  ...others: { id: string }[]
): Promise<void> {
  const ids = new Set(others.map(({ id }) => id))
  const found = (await introductionsUntilNow(scene, participant)).find(({ id }) => ids.has(id))
  if (found) throw new Failure(`it was introduced, with ${JSON.stringify(found.keys)}`)
}

/** Sees that a peer was not introduced again to another one (§7.10) until now, in `signal.v1`. */
export async function expectNotAgain(
  scene: Scene,
  participant: Participant,
  other: { id: string },
): Promise<void> {
  const found = (await introductionsUntilNow(scene, participant)).find(
    ({ id, again }) => again && id === other.id,
  )
  if (found) throw new Failure(`it was introduced again, with ${JSON.stringify(found.keys)}`)
}

/**
 * The introductions of a peer until now. An introduction that is made after everything else comes
 * last, so it shows when the others would have come.
 */
async function introductionsUntilNow(
  scene: Scene,
  participant: Participant,
): Promise<Introduced[]> {
  const key = scene.unique('marker')
  const marker = await scene.second.peer('any', scene.unique('marker'), key)
  participant.join(key)
  const introductions: Introduced[] = []
  for (;;) {
    const introduction = await participant.nextIntroduction()
    if (introduction.id === marker.id) return introductions
    introductions.push(introduction)
  }
}
