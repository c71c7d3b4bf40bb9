import type { Checkout } from './checkout.js'

/** Where the clients of a campaign connect to, and what they bring. */
export interface Target {
  readonly port: number
  /** A token for an app of the rooms. */
  readonly token: string
  /** Headers of every request: `X-Forwarded-For` gives a client an address of its own. */
  readonly headers: Readonly<Record<string, string>>
  /** What the server was built from. */
  readonly checkout: Checkout
}

/** Where the two of a pair connect to: the same server, or two instances. */
export type Ends = readonly [Target, Target]

/** The same server, for clients at one address (RFC 5737) of a proxy that the server believes. */
export const from = (target: Target, address: string): Target => ({
  ...target,
  headers: { ...target.headers, 'X-Forwarded-For': address },
})

/** The same server, for clients at eight addresses. */
export const eightFrom = (target: Target): readonly Target[] =>
  Array.from({ length: 8 }, (_, i) => from(target, `203.0.113.${11 + i}`))
