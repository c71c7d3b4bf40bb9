/** Thrown if a peer breaks the rules of links; the sentence says what it sent. */
export class Violation extends Error {
  override readonly name = 'Violation'
}
