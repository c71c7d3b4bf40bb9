import type { Scene } from './scene.js'

/** One sentence of the specification, and how to see whether a server keeps it. */
export interface Check {
  /** The section of docs/PROTOCOL.md, such as `7.5`. */
  readonly section: string
  /** What the server does, as a sentence. */
  readonly sentence: string
  /** Bad input, which might disturb others on a bad server: runs alone, beside bystanders. */
  readonly hostile?: boolean
  /** Takes longer than a few seconds: runs where it is asked for. */
  readonly slow?: boolean
  /** Why a proxy in front of the server may give an answer of its own, as a sentence. */
  readonly proxyAnswers?: string
  /** @throws Failure, or any error, where the server does something else */
  run(scene: Scene): Promise<void>
}

type Flags = Pick<Check, 'hostile' | 'slow' | 'proxyAnswers'>

/** Makes a check. */
export function check(
  section: string,
  sentence: string,
  run: (scene: Scene) => Promise<void>,
  flags: Flags = {},
): Check {
  return { section, sentence, run, ...flags }
}

/** Makes a check of the same thing for each case. */
export function each<T>(
  cases: readonly T[],
  make: (one: T) => Check | readonly Check[],
): readonly Check[] {
  return cases.flatMap(make)
}
