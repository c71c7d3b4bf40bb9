import { createHash } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Network } from './harness/network.js'
import type { Message } from './harness/pipe.js'
import { ends, expectSame, pairs } from './harness/talk.js'
import type { Generation } from './harness/test-client.js'

const key = 'happy-raccoon'
const COUNT = 1_000
let network: Network

beforeEach(async () => {
  network = await Network.open()
})
afterEach(() => network.close())

/** Messages that no other pair sends: text and bytes in turn, of 16 to about 1,000 bytes. */
function conversation(from: string, to: string): Message[] {
  return Array.from({ length: COUNT }, (_, n) => {
    const digest = createHash('sha256').update(`${from} to ${to}, ${n}`).digest()
    const bytes = Buffer.concat(Array.from({ length: 1 + (n % 31) }, () => digest))
    return n % 2 === 0 ? `${n} ${bytes.toString('hex', 0, 16 + (n % 400))}` : bytes
  })
}

test(
  'eight clients of four generations all talk with each other',
  { timeout: 60_000 },
  async () => {
    const generations: Generation[] = ['v0', 'v3', 'v4', 'signal.v1']
    const clients = generations.flatMap((generation) =>
      [1, 2].map((n) => network.start(generation, `${generation}-${n}`, key)),
    )
    const pipes = (
      await Promise.all(
        pairs(clients).map(async ([a, b]) => {
          const [atA, atB] = await ends(a, b, key)
          return [
            { from: a.id, to: b.id, near: atA, far: atB },
            { from: b.id, to: a.id, near: atB, far: atA },
          ]
        }),
      )
    ).flat()
    expect(pipes).toHaveLength(56)

    for (const { from, to, near } of pipes) {
      for (const message of conversation(from, to)) near.send(message)
    }
    for (const { from, to, far } of pipes) {
      expectSame(await far.next(COUNT), conversation(from, to))
    }

    // Nothing more than that arrives, up to the close of every pipe.
    for (const { near } of pipes.filter((_, n) => n % 2 === 0)) near.close(4000, 'all said')
    for (const { far, from, to } of pipes) {
      expect(await far.closed, `${from} to ${to}`).toEqual({ code: 4000, reason: 'all said' })
      expect(far.received.items).toHaveLength(COUNT)
    }
    expect(clients.map((client) => client.reconnects)).toEqual(clients.map(() => 0))
  },
)
