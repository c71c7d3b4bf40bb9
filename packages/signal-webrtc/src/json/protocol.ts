import type { Fields } from './fields.js'
import type { JsonClient } from './json-client.js'
import type { Refusal } from './refusal.js'

/** What clients of one app say to each other and to the server, on one path. */
export interface Protocol {
  /** A client has come. */
  come?(client: JsonClient): void
  /**
   * A client has sent a JSON object.
   * @throws Refusal where it is not carried out
   */
  receive(client: JsonClient, message: Fields): void
  /** A client is gone, with a close frame or without. */
  gone?(client: JsonClient): void
  /** A refusal in the words of this protocol. */
  refused(refusal: Refusal): Fields
}
