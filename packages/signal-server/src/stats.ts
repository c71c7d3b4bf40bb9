/** Everything that can happen to a client, by the name used in stats, metrics, logs and docs. */
export const outcomeNames = [
  'joined',
  'introduced',
  'departed',
  'held',
  'paired',
  'hold_left',
  'hold_timed_out',
  'superseded',
  'pipe_closed',
  'pipe_peer_gone',
  'pipe_stalled',
  'pipe_shed',
  'pipe_expired',
  'pipe_unreachable',
  'hold_shed',
  'half_open',
  'protocol_error',
  'bad_message',
  'too_many_bad_messages',
  'rate_limited',
  'slow_reader',
  'session_shed',
  'socket_shed',
  'client_shed',
  'unsupported_data',
  'grant_ended',
  'restarted',
  'token_issued',
  'token_revoked',
  'wrong_password',
  'password_throttled',
  'refused_bad_request',
  'refused_not_found',
  'refused_method_not_allowed',
  'refused_request_timeout',
  'refused_uri_too_long',
  'refused_upgrade_required',
  'refused_unauthorized',
  'refused_forbidden',
  'refused_rate_limited',
  'refused_server_full',
  'refused_restarting',
  'refused_other',
] as const

/** The name of something that happened to a client. */
export type Outcome = (typeof outcomeNames)[number]

/** Counts what happened since the server was made. */
export class Outcomes {
  readonly #counts = Object.fromEntries(outcomeNames.map((name) => [name, 0])) as Record<
    Outcome,
    number
  >
  /** Payload and header bytes that went through pipes. */
  pipedBytes = 0
  /** Messages whose end went through pipes. */
  pipedMessages = 0
  /** Messages that came on introduction sockets. */
  introductionMessages = 0

  count(outcome: Outcome, times = 1): void {
    this.#counts[outcome] += times
  }

  /** The outcome for a refusal's code; `refused_other` for a code that is not counted by itself. */
  named(name: string): Outcome {
    return Object.hasOwn(this.#counts, name) ? (name as Outcome) : 'refused_other'
  }

  snapshot(): Record<Outcome, number> {
    return { ...this.#counts }
  }
}

/** The most that figures of {@link Stats} may be, by the same names; Infinity if there is no limit. */
export type Limits = Pick<Stats, 'connections' | 'bufferedBytes' | 'endpoints'>

/** A snapshot of a server. */
export interface Stats {
  /** Sockets that were upgraded and live. */
  sockets: number
  /** What counts in `maxSockets`: sockets, and the other connections to a server that listens. */
  connections: number
  /** Bytes buffered in all. */
  bufferedBytes: number
  /** Bytes that went through pipes since the start. */
  pipedBytes: number
  /** Messages that went through pipes since the start. */
  pipedMessages: number
  /** Messages that came on introduction sockets since the start. */
  introductionMessages: number
  /** Seconds since the server was made. */
  uptime: number
  /** Gauges of each endpoint, by its name. */
  endpoints: Record<string, Record<string, number>>
  /** What happened since the start, by name. */
  outcomes: Record<Outcome, number>
}
