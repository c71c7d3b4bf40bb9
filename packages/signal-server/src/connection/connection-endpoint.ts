import { CloseCode } from 'signal-protocol'
import type { Claim } from '../authorize.js'
import type { Endpoint, EndpointContext, Upgrade } from '../endpoint.js'
import { HttpRefusal } from '../errors.js'
import { log } from '../log.js'
import { segmentsBelow } from '../upgrade/path.js'
import type { Outcome } from '../stats.js'
import { Abroad } from './cluster/abroad.js'
import { HeldBytes } from './pairing/held-bytes.js'
import { Hold } from './pairing/hold.js'
import { Pause } from './pipe/inlet.js'
import { Leg } from './pipe/leg.js'
import { Pairings } from './pairing/pairings.js'
import type { PipeEnd } from './pipe/pipe-end.js'
import { Pipe } from './pipe/pipe.js'
import { Place, reciprocal, type PairKey } from './pairing/place.js'
import { Reintroductions } from './pairing/reintroductions.js'
import { Shedding } from './pipe/shedding.js'

/** One side of a new pipe. */
interface Side {
  end: PipeEnd
  held?: Buffer | undefined
}

/** `/connection/:localId/:remoteId/:key`: two reciprocal requests are piped together. */
export class ConnectionEndpoint implements Endpoint {
  readonly name = 'connection'
  readonly #pairings = new Pairings<Hold, Pipe>()
  readonly #legs = new Set<Leg>()
  readonly #reintroductions = new Reintroductions()
  readonly #held: HeldBytes
  readonly #shedding: Shedding
  readonly #abroad: Abroad | undefined
  #drained: Promise<void> | undefined
  #whenEmpty: (() => void) | undefined

  /**
   * @param introduceAgain - introduces the peer of a place to its other one anew; returns whether
   * they may still want that
   */
  constructor(
    private readonly context: EndpointContext,
    private readonly introduceAgain: (place: PairKey) => boolean,
  ) {
    const { budget, instances, settings } = context
    this.#held = new HeldBytes(budget, settings)
    budget.watch((over) => this.#budgetCrossed(over))
    this.#shedding = new Shedding(budget, () => this.#pairings.allPairs())
    if (!instances) return
    this.#abroad = new Abroad(instances, context, {
      pair: (hold, remote) => this.#pairAcross(hold, remote),
      supersede: (older, place) => this.#supersededElsewhere(older, place),
      released: (hold) => this.#pairWaiting(hold),
    })
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
    const { claim, app } = upgrade
    const { localId, remoteId, key } = claim as Required<Claim>
    const place = new Place({ app, localId, remoteId, key })
    const leg = new Leg(upgrade, this.context)
    this.#legs.add(leg)
    leg.whenClosed(() => this.#forget(leg))
    this.#abroad?.enter(place, leg)

    const { partner, superseded, ended } = this.#pairings.request(place)
    if (superseded) this.#supersedeHold(superseded)
    if (ended) this.#supersedePipe(ended, place)
    if (partner && this.#abroad?.promised(partner)) {
      // for a second at most; then they meet, if it is free
      this.#abroad.hurry(partner)
      this.#pairings.waits(partner.place, partner)
      this.#hold(place, leg)
    } else if (partner) {
      const waiting = { end: partner.leg, held: partner.take() }
      this.#pair(partner.place, waiting, { end: leg }, partner.age)
    } else {
      this.#hold(place, leg)
    }
  }

  drain(): Promise<void> {
    return (this.#drained ??= this.#drain())
  }

  close(): void {
    this.#shedding.close()
    this.#endAll()
    this.#reintroductions.close()
    this.#abroad?.close()
  }

  stats(): Record<string, number> {
    return {
      sockets: this.#legs.size,
      waiting: this.#pairings.waiting,
      pipes: this.#pairings.pairs,
      remotePipes: this.#abroad?.pipes ?? 0,
      heldBytes: this.#held.sum,
    }
  }

  get limits(): Record<string, number> {
    return { heldBytes: this.#held.max }
  }

  async #drain(): Promise<void> {
    for (const hold of this.#pairings.allWaiting()) {
      hold.failed(CloseCode.restarting, 'restarted')
    }
    if (this.#legs.size === 0) return
    const { drainTime, closeTime } = this.context.settings
    const timer = setTimeout(() => {
      for (const pipe of this.#pairings.allPairs()) {
        pipe.end('restarted', pipe.legs[0], CloseCode.restarting, CloseCode.restarting)
      }
    }, drainTime)
    const atLast = setTimeout(() => this.#endAll(), drainTime + closeTime)
    await new Promise<void>((resolve) => (this.#whenEmpty = resolve))
    clearTimeout(timer)
    clearTimeout(atLast)
  }

  #hold(place: Place, leg: Leg): void {
    const hold: Hold = new Hold(place, leg, this.context, this.#held, (outcome) => {
      this.#pairings.removeWaiter(place, hold)
      this.#abroad?.leave(leg)
      this.context.outcomes.count(outcome)
      log.connection('%s → %s waits no longer: %s', place.localId, place.remoteId, outcome)
      if (outcome !== 'hold_timed_out') return
      const sides = [place, reciprocal(place)].map((side) => ({ place: side, end: leg }))
      this.#introduceAgain(sides)
    })
    this.#pairings.waits(place, hold)
    this.#abroad?.waits(hold)
    this.context.outcomes.count('held')
    log.connection('%s waits for %s', place.localId, place.remoteId)
    if (this.context.budget.over) leg.pause(Pause.budget)
  }

  /** @param place - of the first side */
  #pair(place: Place, first: Side, second: Side, waited: number): void {
    const { app, localId, remoteId, key } = place
    const event = { app, ids: [localId, remoteId] as const, key }
    const legs = [first.end, second.end] as const
    const held = [first.held, second.held] as const
    const pipe: Pipe = new Pipe(event.ids, legs, held, this.context, (outcome) => {
      const current = this.#pairings.removePair(place, pipe)
      for (const leg of legs) this.#abroad?.leave(leg)
      this.context.outcomes.count(outcome)
      log.connection('%s – %s: %s', localId, remoteId, outcome)
      this.context.events.emit('unpair', { ...event, outcome, lasted: pipe.age })
      if (!current || !failures.has(outcome)) return
      this.#introduceAgain([
        { place, end: legs[0] },
        { place: reciprocal(place), end: legs[1] },
      ])
    })
    this.#pairings.paired(place, pipe)
    for (const leg of legs) this.#abroad?.paired(leg, pipe)
    this.context.outcomes.count('paired')
    log.connection('%s – %s: paired', localId, remoteId)
    this.context.events.emit('pair', { ...event, waited })
  }

  /** A hold, and the half of the pipe that another instance has. */
  #pairAcross(hold: Hold, remote: PipeEnd): void {
    this.#pairings.removeWaiter(hold.place, hold)
    this.#pair(hold.place, { end: hold.leg, held: hold.take() }, { end: remote }, hold.age)
  }

  /** A hold is free again: its partner may have come to this instance meanwhile. */
  #pairWaiting(hold: Hold): void {
    const partner = this.#pairings.waiter(reciprocal(hold.place))
    if (!partner || this.#pairings.waiter(hold.place) !== hold) return
    if (this.#abroad?.promised(partner)) return
    for (const waiter of [hold, partner]) this.#pairings.removeWaiter(waiter.place, waiter)
    const sides = [hold, partner].map((side) => ({ end: side.leg, held: side.take() }))
    this.#pair(hold.place, sides[0]!, sides[1]!, hold.age)
  }

  #supersedeHold(hold: Hold): void {
    this.#pairings.removeWaiter(hold.place, hold)
    this.#abroad?.leave(hold.leg)
    this.context.outcomes.count('superseded')
    hold.end(CloseCode.superseded)
  }

  /** A client came back: its old pipe ends, and its peer is introduced to it again. */
  #supersedePipe(pipe: Pipe, place: PairKey): void {
    const old = pipe.legOf(place.localId)
    const other = pipe.legOf(place.remoteId)
    pipe.end('superseded', old, CloseCode.superseded, CloseCode.peerGone)
    this.#introduceAgain([{ place: reciprocal(place), end: other }])
  }

  /** A newer connection has come to the place, on another instance. */
  #supersededElsewhere(older: Hold | Pipe, place: PairKey): void {
    if (older instanceof Hold) {
      this.#supersedeHold(older)
    } else {
      this.#pairings.removePair(new Place(place), older)
      this.#supersedePipe(older, place)
    }
  }

  /** Introduces those whose connection was here to their peers again, unless they have come back. */
  #introduceAgain(sides: readonly { place: Place; end: PipeEnd }[]): void {
    const here = sides.filter(({ end }) => end.isHere)
    if (here.length === 0) return
    const ends = here.map(({ end }) => end)
    this.#reintroductions.schedule(here[0]!.place, ends, () => {
      const away = here.filter(({ place }) => !this.#pairings.occupied(place))
      return away.filter(({ place }) => this.introduceAgain(place)).length > 0
    })
  }

  #budgetCrossed(over: boolean): void {
    for (const { leg } of this.#pairings.allWaiting()) {
      if (over) leg.pause(Pause.budget)
      else leg.resume(Pause.budget)
    }
  }

  #forget(leg: Leg): void {
    this.#legs.delete(leg)
    this.#abroad?.leave(leg)
    if (this.#legs.size === 0) this.#whenEmpty?.()
  }

  /** Ends whatever there is, at once. */
  #endAll(): void {
    for (const hold of this.#pairings.allWaiting()) hold.failed(undefined, 'restarted')
    for (const pipe of this.#pairings.allPairs()) pipe.destroy()
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
  'rate_limited',
])
