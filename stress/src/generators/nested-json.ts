import { costlyText } from './costly-texts.js'
import type { Random } from '../random.js'

/** The text of some JSON of about so many bytes: deep, wide, long, or with names that collide. */
export function nestedJson(random: Random, bytes: number): string {
  const half = Math.floor(bytes / 2)
  const fill = (text: string) => text.repeat(Math.max(1, bytes / text.length))
  switch (random.below(9)) {
    case 0:
      return `${'['.repeat(half)}${']'.repeat(half)}`
    case 1:
      return `${'{"a":'.repeat(bytes / 6)}1${'}'.repeat(bytes / 6)}`
    case 2:
      return `[${fill('{},')}1]`
    case 3:
      return `[${fill('"",')}1]`
    case 4: {
      // a name for each: numbers as names make a table of another kind
      const names = Array.from({ length: bytes / 12 }, (_, i) => `"${i * 7_919}":${i}`)
      return `{${names.join(',')}}`
    }
    case 5:
      return `{${fill('"__proto__":{},')}"a":1}`
    case 6:
      return fill('9')
    case 7:
      return JSON.stringify(costlyText(random, bytes))
    default:
      // never ends
      return fill(random.pick(['[', '{"a":', '"\\u00']))
  }
}
