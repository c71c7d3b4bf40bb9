import type { Kind } from './setting-kinds.js'

/** One thing that can be set: by a variable of the environment, and some by a flag as well. */
export interface Setting<T = unknown> {
  /** The variable of the environment. */
  readonly env: string
  /** The flag, without its dashes. */
  readonly flag?: string
  /** What the help calls the flag's value. */
  readonly value?: string
  /** What it is, for the help and for `.env.example`. */
  readonly about: string
  /** What it is where nobody sets it, as it would be written. */
  readonly fallback?: string
  /** What it could be set to, for `.env.example`. */
  readonly example?: string
  readonly kind: Kind<T>
}
