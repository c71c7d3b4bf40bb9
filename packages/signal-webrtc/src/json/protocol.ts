import type { Json } from 'signal-server-protocol'
import type { Steps } from 'signal-server'
import type { Fields } from './fields.js'
import type { JsonClient } from './json-client.js'
import type { Refusal } from './refusal.js'

/** What clients of one app say to each other and to the server, on one path. */
export interface Protocol {
  /** A client has come. */
  come?(client: JsonClient): void
  /**
   * A client has sent a JSON object. Its next message is looked at when this one is carried out.
   *
   * @returns the steps that are left to do, if it takes more than some microseconds
   * @throws Refusal if it is not carried out; so may a step
   */
  receive(client: JsonClient, message: Fields): void | Steps
  /** A client is gone, with a close frame or without. */
  gone?(client: JsonClient): void
  /** A refusal in the words of this protocol. */
  refused(refusal: Refusal): Fields

  /**
   * What another client relays to this one, wherever that is; without this it is sent as it is.
   * @throws Refusal where it is not carried out: the sender is told
   */
  heard?(client: JsonClient, from: string, message: Fields): void
  /** A peer on another instance has come, or has other info than before. */
  remoteCame?(id: string): void
  /** A peer on another instance is gone. */
  remoteLeft?(id: string, info: Json | undefined): void
  /** A peer on another instance is there still, after an outage in which messages were lost. */
  remoteStayed?(id: string): void
  /**
   * A client is about to lose its id: at the same moment, or while the instances could not hear
   * each other, another client took it on another instance, before this one did.
   */
  outranked?(client: JsonClient): void
}
