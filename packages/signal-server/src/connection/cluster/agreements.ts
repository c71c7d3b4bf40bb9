import { log } from '../../log.js'
import { isLinkHello } from '../../upgrade/link-offer.js'
import type { Instances } from '../../cluster/instances.js'
import type { BusMessage, Signed } from '../../cluster/wire.js'
import type { Occupant, Occupants } from './occupants.js'

// how long two instances may take to agree, at first; twice as long each time that was too short
const agreementTimeout = 1_000
const maxAgreementTimeout = 8_000
// a partner that is on this instance too waits no longer than this
const localWait = 1_000

type Accept = Extract<BusMessage, { t: 'accept' }>
type Commit = Extract<BusMessage, { t: 'commit' }>

/** An occupant, and what is being agreed on with another instance. */
export interface Party<S> extends Occupant<S> {
  other?: { instance: string; nonce: string }
  timer?: NodeJS.Timeout
  /** When an agreement that has been begun is given up. */
  deadline: number
  patience: number
}

/** What comes of it. */
export interface AgreementCallbacks<P> {
  /**
   * The party and one of another instance are a pair.
   * @param hello - of the other client, if both offered one for the link protocol
   */
  pair(party: P, pipe: string, instance: string, hello: string | undefined): void
  /** What the client of a party offered for the link protocol. */
  helloOf(party: P): string | undefined
  /** The party waits again, for nothing has come of it. */
  released(party: P): void
}

/**
 * Two instances agree that a connection of each is a pair. The one leads: it proposes, the other
 * accepts (and is then bound for a moment), the leader commits, or aborts if it was paired meanwhile. The
 * leader also decides whether the clients get each other's hello: both do, or neither.
 */
export class Agreements<S, P extends Party<S>> {
  constructor(
    private readonly instances: Instances,
    private readonly parties: Occupants<P>,
    private readonly callbacks: AgreementCallbacks<P>,
  ) {
    instances.on('propose', ({ mine, yours, instance }) => this.#proposed(mine, yours, instance))
    instances.on('accept', (message) => this.#accepted(message))
    instances.on('commit', (message) => this.#committed(message))
    instances.on('abort', ({ mine, yours }) => {
      const party = this.parties.get(yours)
      if (party?.other?.nonce === mine) this.#giveUp(party)
    })
    instances.onDeath((instance) => {
      for (const party of this.#open()) if (party.other?.instance === instance) this.#giveUp(party)
    })
    instances.onReturn(() => {
      // answers may have been lost; who decided otherwise meanwhile is told by the pipe
      for (const party of this.#open()) this.#giveUp(party)
    })
  }

  /** An occupant with nothing agreed on yet. */
  static party<S>(occupant: Omit<Occupant<S>, 'state'>): Party<S> {
    return { ...occupant, state: 'waiting', patience: agreementTimeout, deadline: Infinity }
  }

  /** Leads: asks for the connection of another instance that has this nonce. */
  propose(party: P, nonce: string, instance: string): void {
    this.#bind(party, 'proposed', nonce, instance)
    this.instances.send(instance, { t: 'propose', mine: party.nonce, yours: nonce })
  }

  /** A partner on this instance waits for it. */
  hurry(party: P): void {
    if (!party.other) return
    this.#giveUpAt(party, Math.min(party.deadline, performance.now() + localWait))
  }

  /** It is paired, or over: whatever was being agreed on is void. */
  end(party: P): void {
    clearTimeout(party.timer)
    delete party.other
  }

  #proposed(mine: string, yours: string, instance: string): void {
    const party = this.parties.get(yours)
    const free = party?.state === 'waiting'
    const names = { mine: yours, yours: mine }
    if (!free) return this.instances.send(instance, { t: 'abort', ...names })
    this.#bind(party, 'offered', mine, instance)
    const hello = this.callbacks.helloOf(party)
    this.instances.send(instance, { t: 'accept', ...names, ...(hello && { link: hello }) })
  }

  #accepted({ mine, yours, link, instance }: Signed<Accept>): void {
    const party = this.#bound('proposed', mine, yours)
    const names = { mine: yours, yours: mine }
    if (!party) return this.instances.send(instance, { t: 'abort', ...names })
    const theirs = isLinkHello(link) ? link : undefined
    const ours = theirs && this.callbacks.helloOf(party)
    this.instances.send(instance, { t: 'commit', ...names, ...(ours && { link: ours }) })
    this.#pair(party, `${yours}.${mine}`, instance, ours && theirs)
  }

  #committed({ mine, yours, link, instance }: Signed<Commit>): void {
    const pipe = `${mine}.${yours}`
    const party = this.#bound('offered', mine, yours)
    const isReply = party && isLinkHello(link) && this.callbacks.helloOf(party) !== undefined
    if (party && (link === undefined || isReply)) this.#pair(party, pipe, instance, link)
    // it took too long, or is malformed: the leader must not go on alone
    else this.instances.send(instance, { t: 'gone', pipe })
  }

  #pair(party: P, pipe: string, instance: string, hello: string | undefined): void {
    log.bus(
      '%s – %s: paired with a connection of another instance',
      party.place.localId,
      party.place.remoteId,
    )
    this.callbacks.pair(party, pipe, instance, hello)
  }

  #bind(party: P, state: 'proposed' | 'offered', nonce: string, instance: string): void {
    party.state = state
    party.other = { instance, nonce }
    this.#giveUpAt(party, performance.now() + party.patience)
  }

  #bound(state: 'proposed' | 'offered', theirs: string, ours: string): P | undefined {
    const party = this.parties.get(ours)
    return party?.state === state && party.other?.nonce === theirs ? party : undefined
  }

  #giveUpAt(party: P, deadline: number): void {
    clearTimeout(party.timer)
    party.deadline = deadline
    party.timer = setTimeout(() => {
      party.patience = Math.min(2 * party.patience, maxAgreementTimeout)
      this.#giveUp(party)
    }, deadline - performance.now())
  }

  #giveUp(party: P): void {
    if (party.state !== 'proposed' && party.state !== 'offered') return
    this.end(party)
    party.state = 'waiting'
    this.callbacks.released(party)
  }

  /** Those that are about to be paired. */
  #open(): P[] {
    return [...this.parties.all()].filter(({ other }) => other !== undefined)
  }
}
