import type { ErrorCode } from 'signal-server-protocol'

/** Thrown where a message is not carried out; its sender is told why, and nobody else hears of it. */
export class Refusal extends Error {
  override readonly name = 'Refusal'

  /**
   * @param code - stable, for programs
   * @param message - one sentence for people
   */
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message)
  }
}
