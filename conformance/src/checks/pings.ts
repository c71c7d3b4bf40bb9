import { clientFrame, Opcode } from 'signal-test-kit'
import { pass } from '../arrivals.js'
import { check, each, type Check } from '../check.js'
import { same } from '../failure.js'

/** §7.6: pings and pongs on a pipe. */
export const pingChecks: readonly Check[] = [
  ...each(['', 'payload', 'x'.repeat(125)], (payload) =>
    check('7.6', `A ping of ${payload.length} bytes and its pong pass`, async (scene) => {
      const [a, b] = await scene.rawPair()
      a.write(clientFrame(Opcode.ping, payload))
      let ping
      do ping = await b.frameOf(Opcode.ping, 'the ping')
      while (ping.payload.toString() !== payload)
      b.write(clientFrame(Opcode.pong, payload))
      const pong = await a.frameOf(Opcode.pong, 'the pong')
      same(pong.payload.toString(), payload, 'payload of the pong')
    }),
  ),

  check('7.6', 'A ping is not answered by the server, but by the other side', async (scene) => {
    const [a, b] = await scene.rawPair()
    a.write(clientFrame(Opcode.ping, 'who is there?'))
    await b.frameOf(Opcode.ping, 'the ping')
    await pass(200)
    const pongs = a.takeFrames().filter(({ opcode }) => opcode === Opcode.pong)
    same(pongs, [], 'pongs before the other side has answered')
  }),

  check(
    '7.6',
    "A pong to a ping of the server's own does not reach the other side",
    async (scene) => {
      const [a, b] = await scene.rawPair()
      b.takeFrames()
      const ping = await a.frameOf(Opcode.ping, 'a ping', 26_000)
      a.write(clientFrame(Opcode.pong, ping.payload))
      a.write(clientFrame(Opcode.text, 'after it'))
      let next = await b.frame('the message')
      while (next.opcode === Opcode.ping) next = await b.frame('the message')
      same([next.opcode, next.payload.toString()], [Opcode.text, 'after it'], 'what comes next')
    },
    { slow: true },
  ),
]
