import { LocalBus, type Bus } from 'signal-server'
import { FaultyBus, runBusTests } from 'signal-server/testing'
import { describe, expect, test } from 'vitest'

describe('LocalBus', () => {
  runBusTests(test, () => {
    const bus = new LocalBus()
    return { buses: [bus, bus] }
  })
})

describe('FaultyBus', () => {
  runBusTests(test, () => {
    const bus = new LocalBus()
    return { buses: [new FaultyBus(bus), new FaultyBus(bus)] }
  })
})

describe('the tests of a bus', () => {
  /** The names of those that a bus does not pass. */
  async function failures(make: () => Bus): Promise<string[]> {
    const failed: string[] = []
    const ends: Promise<void>[] = []
    runBusTests(
      (name, run) => ends.push(run().catch(() => void failed.push(name))),
      () => {
        const bus = make()
        return { buses: [bus, bus] }
      },
    )
    await Promise.all(ends)
    return failed.sort()
  }

  test('are passed by a LocalBus', async () => {
    expect(await failures(() => new LocalBus())).toEqual([])
  })

  test('find a bus that carries what its publisher has changed since', async () => {
    class Sharing extends LocalBus {
      override publish(topic: string, message: Uint8Array): void {
        setImmediate(() => super.publish(topic, message))
      }
    }
    expect(await failures(() => new Sharing())).toEqual([
      'a bus carries bytes as they were, whatever their publisher does with them afterwards',
    ])
  })

  test('find a bus that resolves too soon, one that mixes topics up, and one that is down', async () => {
    class Early extends LocalBus {
      override subscribe(topic: string, handler: (message: Buffer) => void) {
        let unsubscribe = () => {}
        // two turns later than it says
        setImmediate(() =>
          setImmediate(() => {
            void super.subscribe(topic, handler).then((stop) => (unsubscribe = stop))
          }),
        )
        return Promise.resolve(() => unsubscribe())
      }
    }
    expect(await failures(() => new Early())).toContain(
      'a bus carries what is published from the moment on at which a subscription is resolved',
    )
    class Mixing extends LocalBus {
      override publish(topic: string, message: Uint8Array): void {
        super.publish(topic, message)
        if (topic === 'topic:x') super.publish('topic:*', message)
      }
    }
    expect(await failures(() => new Mixing())).toEqual([
      'a bus carries nothing to a topic of another name',
    ])
    class Down extends LocalBus {
      override readonly up = false as true
    }
    expect(await failures(() => new Down())).toEqual([
      'a bus is up, and stops telling who does not watch any more',
    ])
  }, 30_000)
})
