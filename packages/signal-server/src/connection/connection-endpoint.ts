import { CloseCode } from 'signal-server-protocol'
import type { Claim } from '../authorize.js'
import type { Endpoint, EndpointContext, Upgrade } from '../endpoint.js'
import { HttpRefusal } from '../errors.js'
import { log } from '../log.js'
import { segmentsBelow } from '../upgrade/path.js'
import type { Outcome } from '../stats.js'
import { RemoteConnections } from './cluster/remote-connections.js'
import { HeldBytes } from './pairing/held-bytes.js'
import { Hold } from './pairing/hold.js'
import { Pause } from './pipe/read-gate.js'
import { LocalEnd } from './pipe/local-end.js'
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
  readonly #localEnds = new Set<LocalEnd>()
  readonly #reintroductions = new Reintroductions()
  readonly #held: HeldBytes
  readonly #shedding: Shedding
  readonly #remote: RemoteConnections | undefined
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
    this.#remote = new RemoteConnections(instances, context, {
      pair: (hold, remote) => this.#pairRemote(hold, remote),
      supersede: (older, place) => this.#supersededRemotely(older, place),
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
    const localEnd = new LocalEnd(upgrade, this.context)
    this.#localEnds.add(localEnd)
    localEnd.whenClosed(() => this.#forget(localEnd))
    this.#remote?.enter(place, localEnd)

    const { partner, superseded, ended } = this.#pairings.request(place)
    if (superseded) this.#supersedeHold(superseded)
    if (ended) this.#supersedePipe(ended, place)
    if (partner && this.#remote?.promised(partner)) {
      // for a second at most; then they meet, if it is free
      this.#remote.hurry(partner)
      this.#pairings.waits(partner.place, partner)
      this.#hold(place, localEnd)
    } else if (partner) {
      const waiting = { end: partner.localEnd, held: partner.take() }
      this.#pair(partner.place, waiting, { end: localEnd }, partner.age)
    } else {
      this.#hold(place, localEnd)
    }
  }

  drain(): Promise<void> {
    return (this.#drained ??= this.#drain())
  }

  close(): void {
    this.#shedding.close()
    this.#endAll()
    this.#reintroductions.close()
    this.#remote?.close()
  }

  stats(): Record<string, number> {
    return {
      sockets: this.#localEnds.size,
      waiting: this.#pairings.waiting,
      pipes: this.#pairings.pairs,
      remotePipes: this.#remote?.pipes ?? 0,
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
    if (this.#localEnds.size === 0) return
    const { drainTimeout, closeTimeout } = this.context.settings
    const timer = setTimeout(() => {
      for (const pipe of this.#pairings.allPairs()) {
        pipe.end('restarted', pipe.ends[0], CloseCode.restarting, CloseCode.restarting)
      }
    }, drainTimeout)
    const atLast = setTimeout(() => this.#endAll(), drainTimeout + closeTimeout)
    await new Promise<void>((resolve) => (this.#whenEmpty = resolve))
    clearTimeout(timer)
    clearTimeout(atLast)
  }

  #hold(place: Place, localEnd: LocalEnd): void {
    const hold: Hold = new Hold(place, localEnd, this.context, this.#held, (outcome) => {
      this.#pairings.removeWaiter(place, hold)
      this.#remote?.leave(localEnd)
      this.context.outcomes.count(outcome)
      log.connection('%s → %s waits no longer: %s', place.localId, place.remoteId, outcome)
      if (outcome !== 'hold_timed_out') return
      const sides = [place, reciprocal(place)].map((side) => ({ place: side, end: localEnd }))
      this.#introduceAgain(sides)
    })
    this.#pairings.waits(place, hold)
    this.#remote?.waits(hold)
    this.context.outcomes.count('held')
    log.connection('%s waits for %s', place.localId, place.remoteId)
    if (this.context.budget.over) localEnd.pause(Pause.budget)
  }

  /** @param place - of the first side */
  #pair(place: Place, first: Side, second: Side, waited: number): void {
    const { app, localId, remoteId, key } = place
    const event = { app, ids: [localId, remoteId] as const, key }
    const ends = [first.end, second.end] as const
    const held = [first.held, second.held] as const
    const pipe: Pipe = new Pipe(event.ids, ends, held, this.context, (outcome) => {
      const current = this.#pairings.removePair(place, pipe)
      for (const end of ends) this.#remote?.leave(end)
      this.context.outcomes.count(outcome)
      log.connection('%s – %s: %s', localId, remoteId, outcome)
      this.context.events.emit('unpair', { ...event, outcome, lasted: pipe.age })
      if (!current || !failures.has(outcome)) return
      this.#introduceAgain([
        { place, end: ends[0] },
        { place: reciprocal(place), end: ends[1] },
      ])
    })
    this.#pairings.paired(place, pipe)
    for (const end of ends) this.#remote?.paired(end, pipe)
    this.context.outcomes.count('paired')
    log.connection('%s – %s: paired', localId, remoteId)
    this.context.events.emit('pair', { ...event, waited })
  }

  /** A hold, and the remote end of its pipe. */
  #pairRemote(hold: Hold, remote: PipeEnd): void {
    this.#pairings.removeWaiter(hold.place, hold)
    this.#pair(hold.place, { end: hold.localEnd, held: hold.take() }, { end: remote }, hold.age)
  }

  /** A hold is free again: its partner may have come to this instance meanwhile. */
  #pairWaiting(hold: Hold): void {
    const partner = this.#pairings.waiter(reciprocal(hold.place))
    if (!partner || this.#pairings.waiter(hold.place) !== hold) return
    if (this.#remote?.promised(partner)) return
    for (const waiter of [hold, partner]) this.#pairings.removeWaiter(waiter.place, waiter)
    const sides = [hold, partner].map((side) => ({ end: side.localEnd, held: side.take() }))
    this.#pair(hold.place, sides[0]!, sides[1]!, hold.age)
  }

  #supersedeHold(hold: Hold): void {
    this.#pairings.removeWaiter(hold.place, hold)
    this.#remote?.leave(hold.localEnd)
    this.context.outcomes.count('superseded')
    hold.end(CloseCode.superseded)
  }

  /** A client came back: its old pipe ends, and its peer is introduced to it again. */
  #supersedePipe(pipe: Pipe, place: PairKey): void {
    const old = pipe.endOf(place.localId)
    const other = pipe.endOf(place.remoteId)
    pipe.end('superseded', old, CloseCode.superseded, CloseCode.peerGone)
    this.#introduceAgain([{ place: reciprocal(place), end: other }])
  }

  /** A newer connection has come to the place, on another instance. */
  #supersededRemotely(older: Hold | Pipe, place: PairKey): void {
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
    for (const { localEnd } of this.#pairings.allWaiting()) {
      if (over) localEnd.pause(Pause.budget)
      else localEnd.resume(Pause.budget)
    }
  }

  #forget(localEnd: LocalEnd): void {
    this.#localEnds.delete(localEnd)
    this.#remote?.leave(localEnd)
    if (this.#localEnds.size === 0) this.#whenEmpty?.()
  }

  /** Ends whatever there is, at once. */
  #endAll(): void {
    for (const hold of this.#pairings.allWaiting()) hold.failed(undefined, 'restarted')
    for (const pipe of this.#pairings.allPairs()) pipe.destroy()
    for (const localEnd of this.#localEnds) localEnd.destroy()
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
