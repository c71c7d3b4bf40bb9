import { clientFrame, Opcode } from 'signal-test-kit'
import { check, each, type Check } from '../check.js'
import { same } from '../failure.js'
import { badReason, forbidden, lengths } from '../forbidden.js'
import { text } from '../socket.js'

const hostile = { hostile: true }

/** §7.8: frames that RFC 6455 forbids, on a connection. */
export const forbiddenFrameChecks: readonly Check[] = [
  ...each(Object.entries({ ...forbidden, ...lengths }), ([what, bytes]) => [
    check(
      '7.8',
      `In a pipe, ${what} gets 1002, and the other side 4410`,
      async (scene) => {
        const [a, b] = await scene.rawPair()
        a.write(clientFrame(Opcode.text, 'before'))
        same((await b.dataFrame()).payload.toString(), 'before', 'message before it')
        a.write(bytes)
        same(await a.closeCode(), 1002, 'close code of the sender')
        same(await b.closeCode(), 4410, 'close code of the other side')
        await a.ended
      },
      hostile,
    ),
    check(
      '7.8',
      `In a hold, ${what} gets 1002`,
      async (scene) => {
        const { first, second, unique } = scene
        const [a, b, key] = [unique('a'), unique('b'), unique('key')]
        const raw = await first.connectRaw(a, b, key)
        raw.write(bytes)
        same(await raw.closeCode(), 1002, 'close code')
        await raw.ended
        const [again, atB] = [await first.connect(a, b, key), await second.connect(b, a, key)]
        again.send(text('new'))
        await atB.expect(text('new'))
      },
      hostile,
    ),
  ]),

  check(
    '7.8',
    'A close reason that is not UTF-8 gets 1007, and the other side 4410',
    async (scene) => {
      const [a, b] = await scene.rawPair()
      a.write(badReason)
      same(await a.closeCode(), 1007, 'close code of the sender')
      same(await b.closeCode(), 4410, 'close code of the other side')
    },
    hostile,
  ),

  check(
    '7.8',
    'What came before a forbidden frame is delivered',
    async (scene) => {
      const [a, b] = await scene.rawPair()
      const good = Array.from({ length: 20 }, (_, n) => clientFrame(Opcode.text, `message ${n}`))
      a.write(Buffer.concat([...good, clientFrame(3, 'bad'), clientFrame(Opcode.text, 'after')]))
      for (let n = 0; n < 20; n++) {
        same((await b.dataFrame()).payload.toString(), `message ${n}`, 'message')
      }
      same(await b.closeCode(), 4410, 'close code of the other side')
      same(await a.closeCode(), 1002, 'close code of the sender')
    },
    hostile,
  ),
]
