import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InterestIndex } from '../src/introduction/sessions/interest-index.js'
import type { Peer } from '../src/introduction/sessions/peer.js'
import { Realms } from '../src/introduction/sessions/realms.js'
import type { Realm } from '../src/introduction/sessions/realm.js'

/** A session without a socket. */
class Member {
  static arrivals = 0
  readonly arrival = ++Member.arrivals
  readonly keys = new Set<string>()
  readonly peer: Peer<Member>

  constructor(
    readonly id: string,
    readonly realm: Realm<Member>,
  ) {
    this.peer = realm.add(this)
  }
}

/** All that comes of it when a session is taken away, step by step. */
function removed(steps: ReturnType<Realm<Member>['remove']>) {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

const ids = ['alice', 'bob', '__proto__']
const names = ['k', 'l', 'constructor']
const operation = fc.oneof(
  fc.record({ do: fc.constant('enter' as const), id: fc.constantFrom(...ids) }),
  fc.record({
    do: fc.constantFrom('join' as const, 'leave' as const),
    which: fc.nat(7),
    keys: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 }),
  }),
  fc.record({ do: fc.constant('go' as const), which: fc.nat(7) }),
)

describe('row 15: any number of sessions that come, join, leave and go', () => {
  test('each keep their own keys, whatever the order', () => {
    const property = fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const realms = new Realms<Member>()
      const realm = realms.enter('')
      // what a list of all sessions, in order of arrival, would say
      const sessions: Member[] = []
      const wanted = new Map<Member, Set<string>>()
      const holds = (session: Member, key: string) => wanted.get(session)!.has(key)
      const hasIt = (id: string, key: string) =>
        sessions.some((session) => session.id === id && holds(session, key))

      for (const step of operations) {
        if (step.do === 'enter') {
          const session = new Member(step.id, realm)
          sessions.push(session)
          wanted.set(session, new Set())
          continue
        }
        const session = sessions[step.which % Math.max(1, sessions.length)]
        if (!session) continue
        if (step.do === 'join') {
          realm.join(session, step.keys)
          for (const key of step.keys) wanted.get(session)!.add(key)
        } else if (step.do === 'leave') {
          const held = step.keys.filter((key) => holds(session, key))
          for (const key of held) wanted.get(session)!.delete(key)
          const left = held.filter((key) => !hasIt(session.id, key))
          expect(realm.leave(session, step.keys).keys).toEqual(left)
        } else {
          const held = [...wanted.get(session)!]
          sessions.splice(sessions.indexOf(session), 1)
          wanted.delete(session)
          const left = held.filter((key) => !hasIt(session.id, key))
          expect(removed(realm.remove(session)).keys.sort()).toEqual(left.sort())
        }

        for (const key of names) {
          const peers = new Set(ids.filter((id) => hasIt(id, key)))
          expect(new Set([...realm.interests.peers(key)].map(({ id }) => id))).toEqual(peers)
          expect(realm.interests.count(key)).toBe(peers.size)
          for (const id of ids) {
            const newest = sessions.findLast((each) => each.id === id && holds(each, key))
            expect(realm.peers.get(id)?.sessionFor(key)).toBe(newest)
          }
        }
        const registrations = [...wanted.values()].reduce((sum, { size }) => sum + size, 0)
        expect(realms.stats()).toEqual({
          peers: new Set(sessions.map(({ id }) => id)).size,
          keys: names.filter((key) => ids.some((id) => hasIt(id, key))).length,
          registrations,
        })
      }
      for (const session of [...sessions]) removed(realm.remove(session))
      realms.tidy(realm)
      expect(realms.stats()).toEqual({ peers: 0, keys: 0, registrations: 0 })
      expect(realms.get('')).toBeUndefined()
    })
    fc.assert(property, { numRuns: 500 })
  })
})

describe('the interest index', () => {
  test('answers for each key alone, in the order in which the peers came', () => {
    const index = new InterestIndex<{ name: string }>()
    const [a, b, c] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }]
    for (const peer of [a, b, c, a]) index.add('k', peer)
    index.add('other', a)
    expect([...index.peers('k')]).toEqual([a, b, c])
    expect([...index.peers('other')]).toEqual([a])
    expect([...index.peers('nobody')]).toEqual([])
    expect(index.keys).toBe(2)
  })

  test('removes by identity, never by likeness', () => {
    const index = new InterestIndex<{ name: string }>()
    const [one, same] = [{ name: 'a' }, { name: 'a' }]
    index.add('k', one)
    index.delete('k', same)
    expect(index.has('k', one)).toBe(true)
    index.delete('k', one)
    expect(index.keys).toBe(0)
  })
})
