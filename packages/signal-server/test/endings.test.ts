import { describe, expect, test } from 'vitest'
import { eventually } from './harness/arrivals.js'
import type { Client } from './harness/client.js'
import { Stage } from './harness/stage.js'
import { Turns } from './harness/turns.js'

const sessions = 60
const keysEach = 4_800

describe('row 52: sessions with many keys that end in the same moment', () => {
  test('leave the event loop to others, and leave all keys', async (context) => {
    const stage = await Stage.open({ keysBurst: sessions * keysEach })
    const shared = Array.from({ length: sessions }, (_, n) => `${n} 0`)
    const observer = await stage.v1('observer', ...shared)
    const before = registrations(stage)
    const clients: Client[] = []
    for (let n = 0; n < sessions; n++) {
      const keys = Array.from({ length: keysEach }, (_, k) => `${n} ${k}`)
      clients.push(await stage.v1(`peer-${n}`, ...keys))
    }
    expect(registrations(stage)).toBe(before + sessions * keysEach)
    for (let n = 0; n < sessions; n++) await observer.next('Introduction')
    const turns = new Turns()
    for (const { ws } of clients) ws.terminate()
    for (let n = 0; n < sessions; n++) await observer.next('Departure')
    const [longest = 0, ...others] = turns.stop()
    const total = others.reduce((sum, each) => sum + each, longest)
    await context.annotate(
      `${total.toFixed(0)} ms of CPU; the longest turn ${longest.toFixed(0)} ms`,
    )
    expect(longest).toBeLessThan(total / 5)
    await eventually(() => registrations(stage) === before, 'no keys')
  })
})

const registrations = (stage: Stage) =>
  Number(stage.server.stats().endpoints['introduction']!['registrations'])
