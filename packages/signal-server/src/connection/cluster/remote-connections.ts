import type { Instances } from '../../cluster/instances.js'
import { RemotePipes } from './remote-pipes.js'
import type { Occupant } from './occupants.js'
import { RemotePlaces } from './remote-places.js'
import type { EndpointContext } from '../../endpoint.js'
import { Hold } from '../pairing/hold.js'
import type { LocalEnd } from '../pipe/local-end.js'
import type { PipeEnd } from '../pipe/pipe-end.js'
import { Pipe } from '../pipe/pipe.js'
import type { PairKey } from '../pairing/place.js'

/** What other instances bring about here. */
export interface RemoteConnectionsCallbacks {
  /** The hold's partner is on another instance: `remote` stands for it here. */
  pair(hold: Hold, remote: PipeEnd): void
  /** A newer connection has come to the place, on another instance. */
  supersede(older: Hold | Pipe, place: PairKey): void
  /** The hold is no longer promised to a partner of another instance. */
  released(hold: Hold): void
}

/** How the other instances know the connections of this one. */
export class RemoteConnections {
  readonly #occupants = new Map<PipeEnd, Occupant<Hold | Pipe | LocalEnd>>()
  readonly #places: RemotePlaces<Hold | Pipe | LocalEnd>
  readonly #pipes: RemotePipes

  constructor(
    instances: Instances,
    context: EndpointContext,
    callbacks: RemoteConnectionsCallbacks,
  ) {
    this.#pipes = new RemotePipes(instances, context)
    this.#places = new RemotePlaces(instances, {
      pair: ({ subject }, pipe, instance, hello) => {
        if (!(subject instanceof Hold)) return
        const remote = this.#pipes.open(pipe, instance)
        remote.hello = hello
        callbacks.pair(subject, remote)
      },
      helloOf: ({ subject }) => (subject instanceof Hold ? subject.localEnd.hello : undefined),
      supersede: ({ subject, place }) => {
        if (subject instanceof Hold || subject instanceof Pipe) callbacks.supersede(subject, place)
      },
      released: ({ subject }) => {
        if (subject instanceof Hold) callbacks.released(subject)
      },
    })
  }

  /** How many pipes lead to other instances. */
  get pipes(): number {
    return this.#pipes.size
  }

  /** A connection has come. */
  enter(place: PairKey, end: LocalEnd): void {
    this.#occupants.set(end, this.#places.enter(place, end))
  }

  /** It waits. */
  waits(hold: Hold): void {
    const occupant = this.#occupants.get(hold.localEnd)
    if (occupant) occupant.subject = hold
  }

  /** It is part of a pipe. */
  paired(end: PipeEnd, pipe: Pipe): void {
    const occupant = this.#occupants.get(end)
    if (!occupant) return
    occupant.subject = pipe
    this.#places.paired(occupant)
  }

  /** Whether a hold is promised to a partner on another instance, which decides now. */
  promised({ localEnd }: Hold): boolean {
    return this.#occupants.get(localEnd)?.state === 'offered'
  }

  /** A partner has come here for a hold that is promised: it is free again soon, or paired. */
  hurry({ localEnd }: Hold): void {
    const occupant = this.#occupants.get(localEnd)
    if (occupant) this.#places.hurry(occupant)
  }

  /** A connection is over. */
  leave(end: PipeEnd): void {
    const occupant = this.#occupants.get(end)
    if (!occupant) return
    this.#occupants.delete(end)
    this.#places.leave(occupant)
  }

  close(): void {
    this.#places.close()
    this.#pipes.close()
  }
}
