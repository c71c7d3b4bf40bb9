import type { ErrorCode } from 'signal-server-protocol'

/** The stable code in the body of a refused HTTP request or upgrade. */
export type RefusalCode =
  | ErrorCode
  | 'bad_request'
  | 'not_found'
  | 'method_not_allowed'
  | 'request_timeout'
  | 'uri_too_long'
  | 'upgrade_required'
  | 'restarting'
  | 'internal'

/**
 * A request that is answered with an HTTP status instead of 101. An `authorize` hook may throw one
 * to choose the status itself.
 */
export class HttpRefusal extends Error {
  override readonly name = 'HttpRefusal'

  /**
   * @param status - HTTP status, 4xx or 5xx
   * @param code - stable code for programs
   * @param message - one sentence for people
   * @param headers - further response headers
   */
  constructor(
    readonly status: number,
    readonly code: RefusalCode,
    message: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(message)
  }

  /** The response's body: JSON with the code and the sentence. */
  get body(): string {
    return `${JSON.stringify({ error: this.code, message: this.message })}\n`
  }
}

/** What is answered for anything thrown: a refusal as it is, everything else as a 500. */
export function refusalFrom(error: unknown): HttpRefusal {
  if (error instanceof HttpRefusal) return error
  return new HttpRefusal(500, 'internal', 'The server could not decide about this request.')
}
