import { SUBPROTOCOL, type ErrorCode } from 'signal-server-protocol'
import { must, same } from './failure.js'
import type { Participant } from './participant.js'
import type { Scene } from './scene.js'

/** Two peers that speak `signal.v1`, share a key and have been introduced. */
export async function introduced(scene: Scene): Promise<[Participant, Participant, string]> {
  const key = scene.unique('key')
  const alice = await scene.first.peer(SUBPROTOCOL, scene.unique('alice'), key)
  const bob = await scene.second.peer(SUBPROTOCOL, scene.unique('bob'), key)
  await alice.introducedTo(bob)
  await bob.introducedTo(alice)
  return [alice, bob, key]
}

/** Sees that an Error comes next, with this code and these fields. */
export async function expectError(
  participant: Participant,
  code: ErrorCode,
  about?: object,
): Promise<void> {
  const error = await participant.next('Error')
  same(error.code, code, 'error code')
  must(typeof error.message === 'string' && error.message !== '', 'the error has no sentence')
  for (const [field, value] of Object.entries(about ?? {})) {
    same(error[field as 'keys' | 'id'], value, `"${field}" of the error`)
  }
}
