import type { Random } from '../random.js'

// Texts that cost much more than their length where something compiles, matches, parses or expands
// them.

type Maker = (bytes: number) => string

const patterns: readonly Maker[] = [
  // V8 expands this class to thousands of alternatives
  (bytes) => '\\p{RGI_Emoji}'.repeat(bytes / 14),
  (bytes) => `${'('.repeat(bytes / 4)}a${'+)'.repeat(bytes / 4)}$`,
  (bytes) => '(a|a?)+'.repeat(bytes / 7),
  (bytes) => `a{1,${'9'.repeat(Math.min(6, bytes))}}`,
]

const makers: readonly Maker[] = [
  ...patterns,
  // numbers
  (bytes) => '9'.repeat(bytes),
  (bytes) => `1e${'9'.repeat(bytes)}`,
  // for patterns that look for an end
  (bytes) => ' '.repeat(bytes),
  (bytes) => `${'a;'.repeat(bytes / 2)}=`,
  (bytes) => '%25'.repeat(bytes / 3),
  (bytes) => '\ud83d\udc20'.repeat(bytes / 4),
  (bytes) => '\\u0000'.repeat(bytes / 6),
]

/** The pattern of a regular expression, of about so many bytes. */
export const costlyPattern = (random: Random, bytes: number): string => random.pick(patterns)(bytes)

/** A text of about so many bytes. */
export const costlyText = (random: Random, bytes: number): string => random.pick(makers)(bytes)
