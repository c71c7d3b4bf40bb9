import { PAIRED_TEXT, SUBPROTOCOL } from 'signal-server-protocol'
import { clientFrame, Opcode } from 'signal-test-kit'
import { pass } from '../arrivals.js'
import { check, each, type Check } from '../check.js'
import { must, same } from '../failure.js'
import { expectJoined } from '../joined.js'
import { text } from '../socket.js'

const paired = text(PAIRED_TEXT)

/** §7.3 and §7.4: what comes first. */
export const greetingChecks: readonly Check[] = [
  check('7.3', 'Both clients that offered signal.v1 are told Paired, first', async (scene) => {
    const [a, b] = await scene.asking([SUBPROTOCOL])
    await a.expect(paired)
    await b.expect(paired)
    await expectJoined(a, b)
  }),

  check('7.3', 'Paired does not come before the peer', async (scene) => {
    const { first, unique } = scene
    const waiting = await first.connect(unique('a'), unique('b'), unique('key'), [SUBPROTOCOL])
    await waiting.settled()
    same(waiting.take(), [], 'messages')
  }),

  ...each(['the first', 'the second'] as const, (who) =>
    check('7.3', `Only ${who} is told Paired where only it offered signal.v1`, async (scene) => {
      const { first, second, unique } = scene
      const [a, b, key] = [unique('a'), unique('b'), unique('key')]
      const [forA, forB] = who === 'the first' ? [[SUBPROTOCOL], []] : [[], [SUBPROTOCOL]]
      const atA = await first.connect(a, b, key, forA)
      const atB = await second.connect(b, a, key, forB)
      await (who === 'the first' ? atA : atB).expect(paired)
      await expectJoined(atA, atB)
    }),
  ),

  check('7.4', 'Held bytes wait until a client listens, which a ping asks for', async (scene) => {
    const { first, second, unique } = scene
    const [a, b, key] = [unique('a'), unique('b'), unique('key')]
    const atA = await first.connect(a, b, key)
    atA.send(text('held'))
    await atA.settled()
    const atB = await second.upgrade(`/connection/${b}/${a}/${key}`)
    const ping = await atB.frame('a ping')
    same([ping.opcode, ping.payload.length], [Opcode.ping, 0], 'opcode and length of it')
    await pass(300)
    same(atB.takeFrames(), [], 'frames before the client has shown that it listens')
    atB.write(clientFrame(Opcode.pong))
    const held = await atB.dataFrame('the held message', 500)
    same(held.payload.toString(), 'held', 'held message')
  }),

  check('7.4', 'Held bytes come without that, too, after 1 s', async (scene) => {
    const { first, second, unique } = scene
    const [a, b, key] = [unique('a'), unique('b'), unique('key')]
    const atA = await first.connect(a, b, key)
    atA.send(text('held'))
    await atA.settled()
    const atB = await second.upgrade(`/connection/${b}/${a}/${key}`)
    atA.send(text('later'))
    const started = performance.now()
    same((await atB.dataFrame()).payload.toString(), 'held', 'held message')
    must(performance.now() - started > 500, 'they came before the client could listen')
    same((await atB.dataFrame()).payload.toString(), 'later', 'next message')
  }),
]
