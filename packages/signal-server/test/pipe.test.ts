import fc from 'fast-check'
import type { Frame } from 'signal-test-kit'
import { expect, test } from 'vitest'
import type { RawSocket } from './harness/raw-socket.js'
import { Stage } from './harness/stage.js'
import { expectPassed, hear, isControl, say, talk } from './harness/talks.js'

const [ping, pong] = [9, 10] as const
const v1 = { headers: { 'Sec-WebSocket-Protocol': 'signal.v1' } }
const moment = fc.double({ min: 0, max: 1, noNaN: true })

test(
  'row 26: random messages in random chunks, paired at a random moment, arrive as they were',
  { timeout: 60_000 },
  async () => {
    const stage = await Stage.open()
    let run = 0
    const property = fc.asyncProperty(talk, talk, moment, async (a, b, pairedAt) => {
      const key = String(++run)
      const first = await stage.upgraded(`/connection/alice/bob/${key}`, v1)
      let coming: Promise<RawSocket> | undefined
      await say(first, a, (share) => {
        if (share >= pairedAt) coming ??= stage.upgraded(`/connection/bob/alice/${key}`, v1)
      })
      const second = await coming!
      expect(await second.json()).toEqual({ type: 'Paired' })

      const [, heard] = await Promise.all([say(second, b), hear(second)])
      expectPassed(heard, a.frames)
      // pings that came while it waited are not the other side's
      const answered: Frame[] = []
      for (;;) {
        const frame = await first.frame()
        if (frame.opcode !== pong) {
          expect(JSON.parse(frame.payload.toString())).toEqual({ type: 'Paired' })
          break
        }
        answered.push({ ...frame, opcode: ping })
      }
      expectPassed(answered, a.frames.filter(isControl))
      const last = a.frames.findLast(({ opcode }) => opcode === ping)
      const reached = [...answered, ...heard].filter(({ opcode }) => opcode === ping)
      if (last) expect(reached.at(-1)).toEqual(last)
      expectPassed(await hear(first), b.frames)

      for (const side of [first, second]) side.reset()
      await Promise.all([first.closed, second.closed])
    })
    await fc.assert(property, {
      numRuns: 150,
      interruptAfterTimeLimit: 15_000,
      markInterruptAsFailure: false,
    })
    expect(run).toBeGreaterThan(30)
    await stage.expectQuiet()
  },
)
