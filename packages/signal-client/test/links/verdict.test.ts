import { expect, test } from 'vitest'
import type { Hello, LifeNonce } from '../../src/link/hello.js'
import { judge, type Known, type Verdict } from '../../src/link/verdict.js'

const life = (owner: string, count: number): LifeNonce => ({ count, text: `${owner}${count}` })
const [mine, earlier, theirs, other] = [life('a', 2), life('a', 1), life('b', 5), life('b', 6)]

const known: Known = {
  own: 'A',
  session: 'B',
  life: mine,
  peer: undefined,
  promised: undefined,
  highest: 0,
}
const hello: Hello = {
  version: 1,
  flags: 0,
  session: 'B',
  to: 'A',
  life: theirs,
  peerLife: undefined,
  next: 0,
}

test.each<[string, Verdict, Partial<Hello>, Partial<Known>]>([
  ['names nobody, and nobody is known', 'first', {}, {}],
  ['names my life, and nobody is known', 'first', { peerLife: mine }, {}],
  ['names an earlier life of mine, and nobody is known', 'stale', { peerLife: earlier }, {}],
  ['names a life that I never had', 'other', { peerLife: life('a', 9) }, {}],
  ['is of the life that is known', 'resumed', { peerLife: mine }, { peer: theirs }],
  ['is of the life that is known, and names nobody', 'resumed', {}, { peer: theirs }],
  ['is of another life', 'other', { life: other }, { peer: theirs }],
  [
    'is of the life that is known, and names an earlier one of mine',
    'other',
    { peerLife: earlier },
    { peer: theirs },
  ],
  ['is of a lower life', 'stale', {}, { peer: other, highest: 6 }],
  ['is of a lower life, and nobody is known', 'stale', {}, { highest: 6 }],
  ['is of another session', 'stale', { session: 'C' }, {}],
  ['means another session', 'stale', { to: 'C' }, { peer: theirs }],
  ['is of the life to which something was sent', 'first', {}, { promised: theirs }],
  ['is of another life than that to which something was sent', 'other', {}, { promised: other }],
])('a hello that %s: %s', (_what, verdict, ofHello, ofKnown) => {
  expect(judge({ ...hello, ...ofHello }, { ...known, ...ofKnown })).toBe(verdict)
})
