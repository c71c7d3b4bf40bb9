import { LocalBus } from 'signal-server'
import { FaultyBus } from 'signal-server/testing'
import { describe, expect, test } from 'vitest'
import { eventually } from '../harness/arrivals.js'

/** A bus in front of a LocalBus, with what is heard on one topic. */
async function listening() {
  const bus = new FaultyBus(new LocalBus())
  const heard: string[] = []
  const changes: boolean[] = []
  await bus.subscribe('topic', (message) => heard.push(message.toString()))
  bus.watch((up) => changes.push(up))
  return { bus, heard, changes }
}

describe('a faulty bus', () => {
  test('carries what the bus behind it carries', async () => {
    const { bus, heard, changes } = await listening()
    bus.publish('topic', Buffer.from('one'))
    bus.publish('other', Buffer.from('not heard'))
    bus.publish('topic', Buffer.from('two'))
    await eventually(() => heard.length === 2, 'both')
    expect(heard).toEqual(['one', 'two'])
    expect([bus.up, bus.reason, bus.congested, changes]).toEqual([true, undefined, false, []])
    await bus.drained()
  })

  test('loses what is under way and what is published while it is cut, and tells who watches', async () => {
    const { bus, heard, changes } = await listening()
    bus.publish('topic', Buffer.from('under way'))
    bus.cut()
    bus.cut()
    bus.publish('topic', Buffer.from('during'))
    expect([bus.up, bus.reason]).toEqual([false, 'A test has cut the bus.'])
    // which a turn of the event loop would bring
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    bus.mend()
    bus.publish('topic', Buffer.from('after'))
    await eventually(() => heard.length > 0, 'a message')
    expect(heard).toEqual(['after'])
    expect(changes).toEqual([false, true])
  })

  test('is down while the bus behind it is, and forgets those who stop watching', () => {
    const behind = new FaultyBus(new LocalBus())
    const bus = new FaultyBus(behind)
    const changes: boolean[] = []
    const unwatch = bus.watch((up) => changes.push(up))
    behind.cut()
    bus.cut()
    behind.mend()
    expect([bus.up, changes]).toEqual([false, [false]])
    bus.mend()
    unwatch()
    bus.cut()
    expect(changes).toEqual([false, true])
  })
})
