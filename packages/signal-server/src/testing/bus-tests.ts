import assert from 'node:assert/strict'
import type { Bus } from '../bus/bus.js'

/** Two members of one bus, as two servers would have them. */
export interface JoinedBuses {
  /** Both are up. They may be the same, if one serves several servers. */
  readonly buses: readonly [Bus, Bus]
  /** Ends both, and whatever carries their messages. */
  close?(): void | Promise<void>
}

/** `test` of Vitest, Jest, Mocha or `node:test`: the name of a test, and what it does. */
export type TestFunction = (name: string, run: () => Promise<void>) => unknown

// longer than any engine takes that works at all
const patience = 10_000

/**
 * Declares tests of the contract {@link Bus}, for those who write a bus.
 *
 * ```ts
 * runBusTests(test, async () => {
 *   const buses = [new MyBus(url), new MyBus(url)] as const
 *   await Promise.all(buses.map((bus) => bus.ready))
 *   return { buses, close: () => buses.forEach((bus) => bus.close()) }
 * })
 * ```
 *
 * They make no outages, because each engine needs its own way to make one. Test yourself that `watch`
 * tells of an outage, that a message published during it is dropped, and that all subscriptions stand
 * again after it.
 *
 * @param make - called once for each test
 */
export function runBusTests(
  test: TestFunction,
  make: () => JoinedBuses | Promise<JoinedBuses>,
): void {
  for (const [name, run] of Object.entries(contract)) {
    test(`a bus ${name}`, async () => {
      const joined = await make()
      try {
        await run(...joined.buses)
      } finally {
        await joined.close?.()
      }
    })
  }
}

const contract: Record<string, (one: Bus, other: Bus) => Promise<void>> = {
  'carries bytes to all who subscribe, the sender too, in order': async (one, other) => {
    const topic = 'topic "ü"'
    const heard = [
      await hear(one, topic),
      await hear(other, topic),
      // once more
      await hear(other, topic),
    ]
    const sent = Array.from({ length: 2_000 }, (_, n) => Buffer.from([n >> 8, n & 255, 0, 13, 10]))
    sent.push(Buffer.alloc(0), Buffer.alloc(200_000, 7))
    for (const bytes of sent) one.publish(topic, bytes)
    for (const messages of heard) {
      await until(() => messages.length >= sent.length, 'all messages')
      assert.deepEqual(messages, sent)
    }
  },

  'keeps the order of one publisher over several topics': async (one, other) => {
    const heard: string[] = []
    for (const topic of ['a', 'b', 'c']) {
      await other.subscribe(topic, (message) => heard.push(message.toString()))
    }
    const sent = Array.from({ length: 300 }, (_, n) => String(n))
    sent.forEach((text, n) => one.publish(['a', 'b', 'c'][n % 3]!, Buffer.from(text)))
    await until(() => heard.length >= sent.length, 'all messages')
    assert.deepEqual(heard, sent)
  },

  'carries what is published from the moment on at which a subscription is resolved': async (
    one,
    other,
  ) => {
    for (let n = 0; n < 50; n++) {
      const messages = await hear(other, `topic ${n}`)
      one.publish(`topic ${n}`, Buffer.from('at once'))
      await until(() => messages.length === 1, `the message of topic ${n}`)
    }
  },

  'carries nothing to a topic of another name': async (one, other) => {
    const others = await Promise.all(['t', 'topic:', 'topic:*', '*'].map((t) => hear(other, t)))
    const marker = await hear(other, 'marker')
    one.publish('topic:x', Buffer.from('for nobody'))
    one.publish('marker', Buffer.from('last'))
    await until(() => marker.length === 1, 'the marker')
    assert.deepEqual(others, [[], [], [], []])
  },

  'lets one function subscribe twice, and unsubscribe each time by itself': async (one, other) => {
    const heard: string[] = []
    const handler = (message: Buffer) => void heard.push(message.toString())
    const first = await other.subscribe('t', handler)
    const second = await other.subscribe('t', handler)
    one.publish('t', Buffer.from('twice'))
    await until(() => heard.length === 2, 'both')
    first()
    first()
    one.publish('t', Buffer.from('once'))
    await until(() => heard.length === 3, 'the other one')
    second()
    const marker = await hear(other, 'marker')
    one.publish('t', Buffer.from('never'))
    one.publish('marker', Buffer.from('last'))
    await until(() => marker.length === 1, 'the marker')
    assert.deepEqual(heard, ['twice', 'twice', 'once'])
  },

  'carries bytes as they were, whatever their publisher does with them afterwards': async (
    one,
    other,
  ) => {
    const messages = await hear(other, 't')
    const bytes = Buffer.from('as it was')
    one.publish('t', bytes)
    bytes.fill(0)
    await until(() => messages.length === 1, 'a message')
    assert.equal(String(messages[0]), 'as it was')
  },

  'is up, and stops telling who does not watch any more': async (one) => {
    assert.equal(one.up, true)
    const unwatch = one.watch(() => assert.fail('It tells of a change.'))
    unwatch()
    unwatch()
    if (one.congested !== undefined) {
      assert.ok('drained' in one, 'A bus that can be congested has "drained".')
      await one.drained!()
    }
  },
}

/** Hears a topic. @returns what it heard so far */
async function hear(bus: Bus, topic: string): Promise<Buffer[]> {
  const messages: Buffer[] = []
  await bus.subscribe(topic, (message) => messages.push(message))
  return messages
}

/** Resolves when something is true; looks in each turn of the event loop. */
async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + patience
  while (!condition()) {
    if (performance.now() > end)
      throw new assert.AssertionError({ message: `${what}: not in 10 s` })
    await new Promise((resolve) => setImmediate(resolve))
  }
}
