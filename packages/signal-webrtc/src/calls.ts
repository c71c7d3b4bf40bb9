import { pieceOverhead, type ByteBudget } from 'signal-server'
import type { JsonClient } from './json/json-client.js'

/** A call as one of its parties has it; from the first ring until one of them stops. */
export interface Call {
  /** The same at both parties: what belongs to a call that is over is known by it. */
  readonly call: string
  /** The name of the other one, who may be on another instance. */
  readonly party: string
  /** The caller's session description, at the callee. */
  readonly offer?: Offer
  /** Whether the other one has called. */
  readonly incoming: boolean
}

/** A session description as JSON: as many small objects it would take twenty times the memory. */
export class Offer {
  readonly #json: Buffer

  /** @param value - what came as JSON; undefined if there was none */
  constructor(value: unknown) {
    this.#json = Buffer.from(value === undefined ? '' : JSON.stringify(value))
  }

  /** Bytes of memory. */
  get cost(): number {
    return this.#json.length + pieceOverhead
  }

  get value(): unknown {
    return this.#json.length > 0 ? (JSON.parse(this.#json.toString()) as unknown) : undefined
  }
}

// far more than the session description of a call has
const maxShortBytes = 16 * 1024

/** The calls of the clients here, at most one of each; their offers count against the budget. */
export class Calls {
  readonly #calls = new Map<JsonClient, Call>()

  constructor(private readonly budget: ByteBudget) {}

  /** Whether there is room for an offer: while memory is short, a large one is not kept. */
  fits(offer: Offer): boolean {
    return !this.budget.over || offer.cost <= maxShortBytes
  }

  get(client: JsonClient): Call | undefined {
    return this.#calls.get(client)
  }

  /** Starts a call of a client, instead of the one that it had. */
  set(client: JsonClient, call: Call): void {
    this.delete(client)
    this.#calls.set(client, call)
    this.budget.add(call.offer?.cost ?? 0)
  }

  /** The call of a client is over. */
  delete(client: JsonClient): void {
    this.budget.add(-(this.#calls.get(client)?.offer?.cost ?? 0))
    this.#calls.delete(client)
  }

  /** The calls with a party, by the client that has each. */
  *with(name: string): Iterable<readonly [JsonClient, Call]> {
    for (const [client, call] of this.#calls) if (call.party === name) yield [client, call]
  }
}
