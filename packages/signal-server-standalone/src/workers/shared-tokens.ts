import { Tokens, type Bus, type TokensOptions } from 'signal-server'
import { topics } from './topics.js'

/** Tokens that several processes revoke together. */
export class SharedTokens extends Tokens {
  constructor(
    options: TokensOptions,
    private readonly bus: Bus,
  ) {
    super(options)
    void bus.subscribe(topics.revoked, (token) => super.revoke(token.toString()))
  }

  override revoke(token: string): string {
    this.bus.publish(topics.revoked, Buffer.from(token))
    return super.revoke(token)
  }
}
