import { fork } from 'node:child_process'
import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { SignalServer } from 'signal-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Turns } from './harness/turns.js'

const script = fileURLToPath(new URL('harness/join-load.mjs', import.meta.url))

interface Told {
  ready?: true
  done?: number
  broken?: string
}

describe.each([
  { peers: 500, keys: 1_000, shape: 'disjoint', introductions: 0, cpu: 10 },
  { peers: 500, keys: 1_000, shape: 'room', introductions: 500 * 499, cpu: 10 },
  // four gigabytes of introductions, of 16 KB each
  { peers: 500, keys: 1_000, shape: 'same', introductions: 500 * 499, cpu: 30 },
  { peers: 10_000, keys: 50, shape: 'disjoint', introductions: 0, cpu: 10 },
  { peers: 10_000, keys: 50, shape: 'pairs', introductions: 10_000, cpu: 10 },
])(
  'row 16: $peers peers with $keys keys each ($shape)',
  ({ introductions, cpu: most, ...load }) => {
    test(
      'join at once, and leave the event loop to others',
      { timeout: 180_000 },
      async (context) => {
        const server = new SignalServer()
        const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
        onTestFinished(() => server.close())
        const child = fork(script, [JSON.stringify({ port, ...load })])
        onTestFinished(() => {
          child.kill()
        })
        const next = async (): Promise<Told> => (await once(child, 'message'))[0] as Told
        expect(await next()).toEqual({ ready: true })

        const delay = monitorEventLoopDelay({ resolution: 1 })
        delay.enable()
        const start = performance.now()
        const before = process.cpuUsage()
        const turns = new Turns()
        child.send({ go: true })
        const told = await next()
        const { user, system } = process.cpuUsage(before)
        const elapsed = performance.now() - start
        const longest = turns.stop()
        delay.disable()

        // nobody was sent away, and everybody was introduced to everybody once
        expect(told).toEqual({ done: introductions })
        expect(server.stats().endpoints['introduction']).toMatchObject({
          sessions: load.peers,
          registrations: load.peers * load.keys,
        })
        const cpu = (user + system) / 1e6
        const p99 = longest[Math.floor(longest.length / 100)]!
        await context.annotate(
          `CPU ${cpu.toFixed(2)} s in ${(elapsed / 1_000).toFixed(2)} s; a turn of the event loop: ` +
            `p99 ${p99.toFixed(1)} ms of CPU, most ${longest[0]!.toFixed(1)} ms; its delay: ` +
            `p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms, most ${(delay.max / 1e6).toFixed(1)} ms`,
        )
        expect(cpu).toBeLessThan(most)
        expect(p99).toBeLessThan(50)
      },
    )
  },
)
