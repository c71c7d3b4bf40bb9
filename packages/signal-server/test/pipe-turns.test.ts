import { describe, expect, test } from 'vitest'
import { eventually } from './harness/arrivals.js'
import type { RawSocket } from './harness/raw-socket.js'
import { Stage } from './harness/stage.js'
import { Turns } from './harness/turns.js'

const pairs = 40
const fragments = 170_000

/** Fragments without payload, masked with zeros: six bytes each, of which two go out. */
const text = Buffer.from([0x01, 0x80, 0, 0, 0, 0])
const continuations = Buffer.alloc(6 * fragments, Buffer.from([0x00, 0x80, 0, 0, 0, 0]))

describe('row 52: pairs of which one side sends nothing but tiny frames', () => {
  test('leave the event loop to others, however many they are', async (context) => {
    const stage = await Stage.open({ maxSocketsPerAddress: 1_000 })
    const senders: RawSocket[] = []
    for (let n = 0; n < pairs; n++) {
      const reader = await stage.upgraded(`/connection/deaf-${n}/loud-${n}/k`)
      senders.push(await stage.upgraded(`/connection/loud-${n}/deaf-${n}/k`))
      // what it is sent waits in the kernel, so that the test itself has next to nothing to do
      reader.socket.pause()
    }
    const expected = stage.server.stats().pipedBytes + pairs * 2 * (1 + fragments)
    const turns = new Turns()
    for (const sender of senders) {
      sender.write(text)
      sender.write(continuations)
    }
    await eventually(() => stage.server.stats().pipedBytes >= expected, 'all frames')
    const [longest = 0, ...others] = turns.stop()
    const total = others.reduce((sum, each) => sum + each, longest)
    await context.annotate(
      `${others.length + 1} turns, ${total.toFixed(0)} ms of CPU; the longest ${longest.toFixed(0)} ms`,
    )
    expect(longest).toBeLessThan(total / 5)
  })
})
