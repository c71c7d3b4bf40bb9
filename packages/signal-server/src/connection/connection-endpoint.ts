import { CloseCode } from 'signal-protocol'
import type { Claim } from '../authorize.js'
import type { Endpoint, EndpointContext, Upgrade } from '../endpoint.js'
import { HttpRefusal } from '../errors.js'
import { answerUpgrade } from '../handshake.js'
import { log } from '../log.js'
import { segmentsBelow } from '../path.js'
import type { Outcome } from '../stats.js'
import { Hold } from './hold.js'
import { Leg, Pause } from './leg.js'
import { Pairings, reciprocal, type PairKey } from './pairings.js'
import { Pipe } from './pipe.js'
import { Reintroductions } from './reintroductions.js'

// a pair whose bytes have not moved for so long may be shed when memory is short
const restBeforeShed = 5_000

/** `/connection/:localId/:remoteId/:key`: two reciprocal requests are piped together. */
export class ConnectionEndpoint implements Endpoint {
  readonly name = 'connection'
  readonly #pairings = new Pairings<Hold, Pipe>()
  readonly #legs = new Set<Leg>()
  readonly #reintroductions: Reintroductions
  readonly #shedding: NodeJS.Timeout
  #whenEmpty: (() => void) | undefined

  /** @param introduceAgain - introduces two peers anew, where both still want the key */
  constructor(
    private readonly context: EndpointContext,
    introduceAgain: (place: PairKey) => void,
  ) {
    this.#reintroductions = new Reintroductions(introduceAgain)
    context.budget.watch((over) => this.#budgetCrossed(over))
    this.#shedding = setInterval(() => this.#shed(), 1_000)
    this.#shedding.unref()
  }

  match(path: string): Claim | undefined {
    const segments = segmentsBelow('/connection', path, 3, this.context.settings.maxKeyBytes)
    if (!segments) return undefined
    const [localId, remoteId, key] = segments as [string, string, string]
    if (localId === remoteId) {
      throw new HttpRefusal(400, 'bad_request', 'A peer cannot be connected with itself.')
    }
    return { endpoint: this.name, localId, remoteId, key }
  }

  accept(upgrade: Upgrade): void {
    const { claim, app, grant, v1, socket } = upgrade
    answerUpgrade(upgrade)
    const place: PairKey = {
      app,
      localId: claim.localId!,
      remoteId: claim.remoteId!,
      key: claim.key!,
    }
    const leg = new Leg(socket, v1, grant, this.context)
    this.#legs.add(leg)
    leg.whenClosed(() => this.#forget(leg))

    const { partner, superseded, ended } = this.#pairings.request(place)
    if (superseded) {
      this.context.outcomes.count('superseded')
      superseded.end(CloseCode.superseded)
    }
    if (ended) this.#supersede(ended, place)
    if (partner) this.#pair(place, partner, leg)
    else this.#hold(place, leg)
  }

  async drain(): Promise<void> {
    for (const hold of [...this.#pairings.allWaiting()]) {
      hold.failed(CloseCode.restarting, 'restarted')
    }
    if (this.#legs.size === 0) return
    const { drainTime, closeTime } = this.context.settings
    const timer = setTimeout(() => {
      for (const pipe of this.#pairings.allPairs()) {
        pipe.end('restarted', pipe.legs[0], CloseCode.restarting, CloseCode.restarting)
      }
    }, drainTime)
    const atLast = setTimeout(() => this.#destroyAll(), drainTime + closeTime)
    await new Promise<void>((resolve) => (this.#whenEmpty = resolve))
    clearTimeout(timer)
    clearTimeout(atLast)
  }

  close(): void {
    clearInterval(this.#shedding)
    this.#destroyAll()
    this.#reintroductions.close()
  }

  stats(): Record<string, number> {
    return {
      sockets: this.#legs.size,
      waiting: this.#pairings.waiting,
      pipes: this.#pairings.pairs,
    }
  }

  #hold(place: PairKey, leg: Leg): void {
    const hold: Hold = new Hold(leg, this.context, (outcome) => {
      this.#pairings.removeWaiter(place, hold)
      this.context.outcomes.count(outcome)
      log.connection('%s → %s waits no longer: %s', place.localId, place.remoteId, outcome)
      if (outcome === 'hold_timed_out') this.#introduceAgain(place, [leg])
    })
    this.#pairings.waits(place, hold)
    this.context.outcomes.count('held')
    log.connection('%s waits for %s', place.localId, place.remoteId)
    if (this.context.budget.over) hold.failed(CloseCode.tryLater, 'hold_shed')
  }

  #pair(place: PairKey, partner: Hold, leg: Leg): void {
    const { app, localId, remoteId, key } = place
    const event = { app, ids: [remoteId, localId] as const, key }
    const pipe: Pipe = new Pipe(event.ids, partner, leg, this.context, (outcome) => {
      const current = this.#pairings.removePair(place, pipe)
      this.context.outcomes.count(outcome)
      log.connection('%s – %s: %s', localId, remoteId, outcome)
      this.context.events.emit('unpair', { ...event, outcome, lasted: pipe.age })
      if (current && failures.has(outcome)) this.#introduceAgain(place, pipe.legs)
    })
    this.#pairings.paired(place, pipe)
    this.context.outcomes.count('paired')
    log.connection('%s – %s: paired', localId, remoteId)
    this.context.events.emit('pair', { ...event, waited: partner.age })
  }

  /** A client came back: its old pipe ends, and its peer is introduced to it again. */
  #supersede(pipe: Pipe, place: PairKey): void {
    const old = pipe.legOf(place.localId)
    const other = pipe.legOf(place.remoteId)
    pipe.end('superseded', old, CloseCode.superseded, CloseCode.peerGone)
    this.#reintroductions.schedule(
      place,
      (callback) => other.whenClosed(callback),
      () => !this.#pairings.occupied(reciprocal(place)),
    )
  }

  #introduceAgain(place: PairKey, legs: readonly Leg[]): void {
    const closed = (callback: () => void) => {
      let open = legs.length
      for (const leg of legs) {
        leg.whenClosed(() => {
          if (--open === 0) callback()
        })
      }
    }
    const apart = () =>
      !this.#pairings.occupied(place) || !this.#pairings.occupied(reciprocal(place))
    this.#reintroductions.schedule(place, closed, apart)
  }

  #budgetCrossed(over: boolean): void {
    for (const { leg } of this.#pairings.allWaiting()) {
      if (over) leg.pause(Pause.budget)
      else leg.resume(Pause.budget)
    }
  }

  /** Over budget: ends the pairs that have rested longest, until there is room again. */
  #shed(): void {
    if (!this.context.budget.over) return
    const now = Date.now()
    const resting = [...this.#pairings.allPairs()]
      .map((pipe) => ({ pipe, rest: pipe.stalledFor(now) }))
      .filter(({ rest }) => rest >= restBeforeShed)
      .sort((a, b) => b.rest - a.rest)
    for (const { pipe } of resting) {
      if (!this.context.budget.over) return
      pipe.shed()
    }
  }

  #forget(leg: Leg): void {
    this.#legs.delete(leg)
    if (this.#legs.size === 0) this.#whenEmpty?.()
  }

  #destroyAll(): void {
    for (const leg of this.#legs) leg.destroy()
  }
}

/** After these both peers are introduced again: neither of them meant to end the pipe. */
const failures: ReadonlySet<Outcome> = new Set([
  'pipe_peer_gone',
  'pipe_stalled',
  'half_open',
  'pipe_shed',
  'protocol_error',
])
