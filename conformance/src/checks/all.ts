import type { Check } from '../check.js'
import { announcingChecks } from './announcing.js'
import { badInputChecks } from './bad-input.js'
import { closingChecks } from './closing.js'
import { forbiddenFrameChecks } from './forbidden-frames.js'
import { greetingChecks } from './greeting.js'
import { handshakeChecks } from './handshakes.js'
import { holdingChecks } from './holding.js'
import { introductionChecks } from './introductions.js'
import { keepAliveChecks } from './keep-alive.js'
import { linkChecks } from './links.js'
import { noticeChecks } from './notices.js'
import { olderDialectChecks } from './older-dialects.js'
import { pairingChecks } from './pairing.js'
import { pingChecks } from './pings.js'
import { pipingChecks } from './piping.js'
import { rateChecks } from './rates.js'
import { refusalChecks } from './refusals.js'
import { sessionChecks } from './sessions.js'
import { signalV1MessageChecks } from './signal-v1-messages.js'
import { signalChecks } from './signals.js'
import { sizeChecks } from './sizes.js'
import { supersedingChecks } from './superseding.js'
import { urlChecks } from './urls.js'

/** Every check, in the order of the specification. */
export const allChecks: readonly Check[] = [
  ...urlChecks,
  ...handshakeChecks,
  ...refusalChecks,
  ...introductionChecks,
  ...sessionChecks,
  ...olderDialectChecks,
  ...signalV1MessageChecks,
  ...announcingChecks,
  ...signalChecks,
  ...noticeChecks,
  ...pairingChecks,
  ...holdingChecks,
  ...greetingChecks,
  ...linkChecks,
  ...pipingChecks,
  ...pingChecks,
  ...closingChecks,
  ...forbiddenFrameChecks,
  ...supersedingChecks,
  ...keepAliveChecks,
  ...sizeChecks,
  ...rateChecks,
  ...badInputChecks,
]
