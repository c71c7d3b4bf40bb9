import type { Instances } from '../../cluster/instances.js'
import { PipesAcross } from './pipes-across.js'
import type { Occupant } from './occupants.js'
import { PlacesAcross } from './places-across.js'
import type { EndpointContext } from '../../endpoint.js'
import { Hold } from '../pairing/hold.js'
import type { Leg } from '../pipe/leg.js'
import type { PipeEnd } from '../pipe/pipe-end.js'
import { Pipe } from '../pipe/pipe.js'
import type { PairKey } from '../pairing/place.js'

/** What other instances bring about here. */
export interface FromAbroad {
  /** The hold's partner is elsewhere: `remote` stands for it here. */
  pair(hold: Hold, remote: PipeEnd): void
  /** A newer connection has come to the place, elsewhere. */
  supersede(older: Hold | Pipe, place: PairKey): void
  /** The hold is promised to nobody elsewhere any more. */
  released(hold: Hold): void
}

/** How the other instances know the connections of this one. */
export class Abroad {
  readonly #occupants = new Map<PipeEnd, Occupant<Hold | Pipe | Leg>>()
  readonly #places: PlacesAcross<Hold | Pipe | Leg>
  readonly #pipes: PipesAcross

  constructor(instances: Instances, context: EndpointContext, here: FromAbroad) {
    this.#pipes = new PipesAcross(instances, context)
    this.#places = new PlacesAcross(instances, {
      pair: ({ subject }, pipe, instance) => {
        if (subject instanceof Hold) here.pair(subject, this.#pipes.open(pipe, instance))
      },
      supersede: ({ subject, place }) => {
        if (subject instanceof Hold || subject instanceof Pipe) here.supersede(subject, place)
      },
      released: ({ subject }) => {
        if (subject instanceof Hold) here.released(subject)
      },
    })
  }

  /** How many pipes lead elsewhere. */
  get pipes(): number {
    return this.#pipes.size
  }

  /** A connection has come. */
  enter(place: PairKey, leg: Leg): void {
    this.#occupants.set(leg, this.#places.enter(place, leg))
  }

  /** It waits. */
  waits(hold: Hold): void {
    const occupant = this.#occupants.get(hold.leg)
    if (occupant) occupant.subject = hold
  }

  /** It is part of a pipe. */
  paired(leg: PipeEnd, pipe: Pipe): void {
    const occupant = this.#occupants.get(leg)
    if (!occupant) return
    occupant.subject = pipe
    this.#places.paired(occupant)
  }

  /** Whether a hold is promised to a partner elsewhere, which now decides. */
  promised({ leg }: Hold): boolean {
    return this.#occupants.get(leg)?.state === 'offered'
  }

  /** A partner has come here for a hold that is promised: it is free again soon, or paired. */
  hurry({ leg }: Hold): void {
    const occupant = this.#occupants.get(leg)
    if (occupant) this.#places.hurry(occupant)
  }

  /** A connection is over. */
  leave(leg: PipeEnd): void {
    const occupant = this.#occupants.get(leg)
    if (!occupant) return
    this.#occupants.delete(leg)
    this.#places.leave(occupant)
  }

  close(): void {
    this.#places.close()
    this.#pipes.close()
  }
}
