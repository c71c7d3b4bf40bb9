import { Failure } from './failure.js'
import type { Participant } from './participant.js'
import type { Scene } from './scene.js'

/**
 * Sees that a peer was introduced to nobody of these until now. An introduction that is made after
 * everything else comes last, so it shows when the others would have come.
 */
export async function expectStrangers(
  scene: Scene,
  participant: Participant,
  ...others: { id: string }[]
): Promise<void> {
  const key = scene.unique('marker')
  const marker = await scene.second.peer('any', scene.unique('marker'), key)
  participant.join(key)
  const ids = new Set(others.map(({ id }) => id))
  for (;;) {
    const message = await participant.socket.message('an introduction')
    const introduced = participant.dialect.introduction(message)
    if (introduced?.id === marker.id) return
    if (introduced && ids.has(introduced.id)) {
      throw new Failure(`it was introduced, with ${JSON.stringify(introduced.keys)}`)
    }
  }
}
