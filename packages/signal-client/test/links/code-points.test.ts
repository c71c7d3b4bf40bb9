import { expect, test } from 'vitest'
import { isLess } from '../../src/link/code-points.js'

test('texts are in the order of code points, which is that of their UTF-8', () => {
  const texts = [
    '',
    'a',
    'aa',
    'b',
    'é',
    '\u{ff5e}',
    '\u{ffff}',
    '\u{10000}',
    '\u{1f600}',
    '\u{1f600}a',
  ]
  for (const [at, one] of texts.entries()) {
    for (const [other, text] of texts.entries()) expect(isLess(one, text)).toBe(at < other)
    expect(Buffer.compare(Buffer.from(texts[at - 1] ?? ''), Buffer.from(one))).toBe(
      at === 0 ? 0 : -1,
    )
  }
})
