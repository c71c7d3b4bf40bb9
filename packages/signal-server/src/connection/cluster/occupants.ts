import type { PairKey } from '../pairing/place.js'

/**
 * A connection of this instance, as others are concerned with it.
 * @typeParam S - what it is: something that waits, or a pipe
 */
export interface Occupant<S> {
  subject: S
  readonly place: PairKey
  readonly nonce: string
  /** When it came, on the instances' clock. */
  readonly time: number
  /**
   * It waits for a partner; has proposed to one of another instance; has accepted one of another instance, which now
   * decides; or is part of a pipe.
   */
  state: 'waiting' | 'proposed' | 'offered' | 'piped'
}

/** The connections of this instance, by place: there may be several in one for a moment. */
export class Occupants<O extends Occupant<unknown>> {
  readonly #byNonce = new Map<string, O>()
  readonly #byPlace = new Map<string, Set<O>>()

  add(occupant: O): void {
    this.#byNonce.set(occupant.nonce, occupant)
    const name = nameOf(occupant.place)
    this.#byPlace.set(name, (this.#byPlace.get(name) ?? new Set()).add(occupant))
  }

  delete(occupant: O): void {
    this.#byNonce.delete(occupant.nonce)
    const name = nameOf(occupant.place)
    const here = this.#byPlace.get(name)
    here?.delete(occupant)
    if (here?.size === 0) this.#byPlace.delete(name)
  }

  has(occupant: O): boolean {
    return this.#byNonce.get(occupant.nonce) === occupant
  }

  get(nonce: string): O | undefined {
    return this.#byNonce.get(nonce)
  }

  at(place: PairKey): O[] {
    return [...(this.#byPlace.get(nameOf(place)) ?? [])]
  }

  all(): IterableIterator<O> {
    return this.#byNonce.values()
  }
}

const nameOf = ({ app, localId, remoteId, key }: PairKey) =>
  JSON.stringify([app, localId, remoteId, key])
