import { appForms } from './app-forms.js'
import { bursts } from './bursts.js'
import { deafReaders } from './deaf-readers.js'
import { decoders } from './decoders.js'
import { flapping } from './flapping.js'
import { floods } from './floods.js'
import { hoards } from './hoards.js'
import { impostors } from './impostors.js'
import { plainHttp } from './plain-http.js'
import { returns } from './returns.js'
import type { Storm } from './storm.js'
import { theCommand } from './the-command.js'

/** Everything that many clients are known to have done to servers of this kind. */
export const storms: readonly Storm[] = [
  ...decoders,
  ...plainHttp,
  ...floods,
  ...bursts,
  ...hoards,
  ...impostors,
  ...deafReaders,
  ...returns,
  ...theCommand,
  flapping,
  appForms,
]
