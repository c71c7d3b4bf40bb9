import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RawSocket } from './harness/raw-socket.js'
import { Stage } from './harness/stage.js'
import { expectSame, hear, isControl, say, talk } from './harness/talks.js'

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
      // control frames that came while it waited are not the other side's
      const kept = a.frames.filter(isControl).length - heard.filter(isControl).length
      let before = kept
      expectSame(
        heard,
        a.frames.filter((frame) => !isControl(frame) || before-- <= 0),
      )
      const pings = a.frames.filter(isControl).slice(0, kept)
      for (const { payload } of pings.filter(({ opcode }) => opcode === ping)) {
        expect(await first.frame()).toEqual({ fin: true, opcode: pong, payload })
      }
      expect(await first.json()).toEqual({ type: 'Paired' })
      expectSame(await hear(first), b.frames)

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
