import { errorSentence, type ErrorCode } from 'signal-server-protocol'
import type { RemoteIntroductions } from './cluster/remote-introductions.js'
import type { EndpointContext } from '../endpoint.js'
import { reportFault } from '../events.js'
import type { Amounts } from '../limits/amounts.js'
import { log } from '../log.js'
import type { Session } from './sessions/session.js'

/** What a session may join. */
export class JoinLimits {
  constructor(
    private readonly context: EndpointContext,
    private readonly place: {
      readonly registrations: Amounts
      readonly remote: RemoteIntroductions | undefined
    },
  ) {}

  /** Those of the keys of a Join that the session may have; it is told about the others. */
  allowed(session: Session, keys: string[]): string[] {
    const { maxKeyBytes, maxKeysPerPeer, maxPeersPerKey } = this.context.settings
    let added = 0
    for (const key of keys) if (!session.keys.has(key)) added++
    if (session.keys.size + added > maxKeysPerPeer) {
      return refuse(session, 'too_many_keys', `At most ${maxKeysPerPeer}.`, keys)
    }
    if (keys.some((key) => key.length > maxKeyBytes || Buffer.byteLength(key) > maxKeyBytes)) {
      return refuse(session, 'key_too_long', `At most ${maxKeyBytes} bytes.`, keys)
    }
    const { registrations } = this.place
    if (added > 0 && !registrations.makeRoom(session.registered, added)) {
      const { max, maxPerAddress } = registrations
      const limit = `At most ${max} keys in all and ${maxPerAddress} from one address; you would have most of them.`
      return refuse(session, 'server_full', limit, keys)
    }

    const forbidden = keys.filter((key) => !this.#grants(session, key))
    if (forbidden.length > 0) refuse(session, 'forbidden', '', forbidden)
    const { interests, app } = session.realm
    const { remote } = this.place
    const full = keys.filter((key) => {
      const others = interests.count(key) + (remote?.count(app, key) ?? 0)
      return others >= maxPeersPerKey && !interests.has(key, session.peer)
    })
    if (full.length > 0) refuse(session, 'room_full', `At most ${maxPeersPerKey} peers.`, full)
    if (forbidden.length === 0 && full.length === 0) return keys
    const refused = new Set([...forbidden, ...full])
    return keys.filter((key) => !refused.has(key))
  }

  #grants({ grant }: Session, key: string): boolean {
    try {
      return grant.allowsKey?.(key) ?? true
    } catch (error) {
      reportFault(this.context.events, error)
      return false
    }
  }
}

function refuse(session: Session, code: ErrorCode, limit = '', keys?: string[]): [] {
  const message = limit ? `${errorSentence[code]} ${limit}` : errorSentence[code]
  session.tell({ type: 'error', code, message, ...(keys && { keys }) })
  log.introduction('%s: Join refused, %s', session.id, code)
  return []
}
