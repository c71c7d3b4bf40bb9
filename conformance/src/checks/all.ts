import type { Check } from '../check.js'
import { closingChecks } from './closing.js'
import { forbiddenFrameChecks } from './forbidden-frames.js'
import { handshakeChecks } from './handshakes.js'
import { introductionChecks } from './introductions.js'
import { limitChecks } from './limits.js'
import { olderDialectChecks } from './older-dialects.js'
import { pairingChecks } from './pairing.js'
import { pipingChecks } from './piping.js'
import { refusalChecks } from './refusals.js'
import { signalV1Checks } from './signal-v1.js'
import { supersedingChecks } from './superseding.js'
import { urlChecks } from './urls.js'

/** Every check, in the order of the specification. */
export const allChecks: readonly Check[] = [
  ...urlChecks,
  ...handshakeChecks,
  ...refusalChecks,
  ...introductionChecks,
  ...olderDialectChecks,
  ...signalV1Checks,
  ...pairingChecks,
  ...pipingChecks,
  ...closingChecks,
  ...forbiddenFrameChecks,
  ...supersedingChecks,
  ...limitChecks,
]
