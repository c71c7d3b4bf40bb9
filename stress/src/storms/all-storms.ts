import { hasRedis } from '../server/redis.js'
import { appForms } from './app-forms.js'
import { bursts } from './bursts.js'
import { costlyMessages } from './costly-messages.js'
import { deafReaders } from './deaf-readers.js'
import { decoders } from './decoders.js'
import { flapping } from './flapping.js'
import { floods } from './floods.js'
import { foreignPages } from './foreign-pages.js'
import { hoards } from './hoards.js'
import { impostors } from './impostors.js'
import { plainHttp } from './plain-http.js'
import { publicLinks } from './public-links.js'
import { redisRights } from './redis-rights.js'
import { returns } from './returns.js'
import { statusStreams } from './status-streams.js'
import type { Storm } from './storm.js'
import { theLog } from './the-log.js'
import { workers } from './workers.js'

/** Everything that many clients are known to have done to servers of this kind. */
export const storms: readonly Storm[] = [
  ...decoders,
  ...costlyMessages,
  ...plainHttp,
  ...floods,
  ...bursts,
  ...hoards,
  ...impostors,
  ...deafReaders,
  ...returns,
  ...theLog,
  ...statusStreams,
  publicLinks,
  ...(hasRedis ? [redisRights] : []),
  foreignPages,
  flapping,
  ...appForms,
  ...workers,
]
