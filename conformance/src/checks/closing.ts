import { connectionPath, PAIRED_TEXT, SUBPROTOCOL } from 'signal-server-protocol'
import { clientClose, clientFrame, Opcode } from 'signal-test-kit'
import { pass, within } from '../arrivals.js'
import { check, each, type Check } from '../check.js'
import { must, same } from '../failure.js'
import type { RawSocket } from '../raw-socket.js'
import { text } from '../socket.js'

const legal = [
  1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4410,
  4999,
]

const reasons = ['', 'done', 'é🐟', 'x'.repeat(123)]

/** The payload of the close frame that comes next. */
async function closePayload(raw: RawSocket): Promise<Buffer> {
  return (await raw.frameOf(Opcode.close, 'a close frame')).payload
}

/** §7.7: how a pipe ends. */
export const closingChecks: readonly Check[] = [
  ...each(legal, (code) =>
    check('7.7', `The close code ${code} reaches the other side with its reason`, async (scene) => {
      const [a, b] = await scene.rawPair()
      a.write(clientClose(code, `reason ${code}`))
      const payload = await closePayload(b)
      same([payload.readUInt16BE(), payload.toString('utf8', 2)], [code, `reason ${code}`], 'it')
    }),
  ),

  ...each(reasons, (reason) =>
    check('7.7', `A reason of ${Buffer.byteLength(reason)} bytes arrives`, async (scene) => {
      const [a, b] = await scene.pair()
      b.ws.close(4321, reason)
      same(await a.closed(), { code: 4321, reason }, 'close')
    }),
  ),

  check('7.7', 'A close without a code stays one without a code', async (scene) => {
    const [a, b] = await scene.rawPair()
    b.write(clientClose())
    same((await closePayload(a)).length, 0, 'bytes in the close frame')
  }),

  check('7.7', 'The close frame that answers goes the other way', async (scene) => {
    const [a, b] = await scene.rawPair()
    a.write(clientClose(4000, 'question'))
    await closePayload(b)
    await pass(100)
    const before = a.takeFrames().filter(({ opcode }) => opcode === Opcode.close)
    same(before, [], 'close frames before the other side has answered')
    b.write(clientClose(4001, 'answer'))
    const payload = await closePayload(a)
    same([payload.readUInt16BE(), payload.toString('utf8', 2)], [4001, 'answer'], 'the answer')
  }),

  check(
    '7.7',
    'When both close frames have passed, both connections end at once',
    async (scene) => {
      const [a, b] = await scene.rawPair()
      a.write(clientClose(1000))
      await closePayload(b)
      b.write(clientClose(1000))
      await closePayload(a)
      await within(Promise.all([a.ended, b.ended]), 'the end of both connections', 1_000)
    },
  ),

  ...each(['a', 'b'] as const, (who) =>
    check('7.7', `A burst and then a close arrives whole (${who} closes)`, async (scene) => {
      const [a, b] = await scene.pair()
      const [sender, reader] = who === 'a' ? [a, b] : [b, a]
      const burst = Array.from({ length: 1_000 }, (_, n) => text(`${n} ${'x'.repeat(n % 500)}`))
      for (const message of burst) sender.send(message)
      sender.ws.close(4242, 'all said')
      await reader.expect(...burst)
      same(await reader.closed(), { code: 4242, reason: 'all said' }, 'close')
    }),
  ),

  check('7.7', 'A burst and a close arrive whole at a client that listens late', async (scene) => {
    const { first, second } = scene
    const { a, b, key } = scene.place()
    const burst = Array.from({ length: 200 }, (_, n) => text(`message ${n}`))
    const atA = await first.connect(a, b, key, [SUBPROTOCOL])
    const atB = await second.upgrade(connectionPath(b, a, key))
    await atA.expect(text(PAIRED_TEXT))
    for (const message of burst) atA.send(message)
    atA.ws.close(4242, 'all said')
    for (const { data } of burst) {
      same((await atB.dataFrame()).payload.toString(), data.toString(), 'message')
    }
    same((await closePayload(atB)).readUInt16BE(), 4242, 'close code')
  }),

  ...each(['a reset', 'the end of its connection'] as const, (end) =>
    check('7.7', `After ${end} without a close frame the other side gets 4410`, async (scene) => {
      const [a, b] = await scene.rawPair()
      a.write(clientFrame(Opcode.text, 'last words'))
      same((await b.dataFrame()).payload.toString(), 'last words', 'message')
      if (end === 'a reset') a.reset()
      else a.end()
      const payload = await closePayload(b)
      same(payload.readUInt16BE(), 4410, 'close code')
      must(payload.length > 2, 'the close has no sentence')
      b.write(clientClose(4410))
      await within(b.ended, 'the end of the connection')
    }),
  ),

  ...each(['in its payload', 'between its fragments'] as const, (where) =>
    check('7.7', `A side that dies ${where} leaves no half message behind`, async (scene) => {
      const [a, b] = await scene.rawPair()
      const frame = clientFrame(Opcode.text, 'x'.repeat(1_000), { fin: where === 'in its payload' })
      a.write(where === 'in its payload' ? frame.subarray(0, 500) : frame)
      a.write('')
      await pass(100)
      a.reset()
      if (where === 'between its fragments') {
        // a close frame may come between fragments
        same(await b.closeCode(), 4410, 'close code')
        return
      }
      await within(b.ended, 'the end of the connection')
      same(
        b.takeFrames().filter(({ opcode }) => opcode <= 8),
        [],
        'frames',
      )
    }),
  ),

  check('7.7', 'What comes after a close frame is ignored', async (scene) => {
    const [a, b] = await scene.rawPair()
    a.write(Buffer.concat([clientClose(4000), clientFrame(Opcode.text, 'after'), Buffer.alloc(9)]))
    same((await closePayload(b)).readUInt16BE(), 4000, 'close code')
    await pass(100)
    same(b.takeFrames(), [], 'frames after the close')
    b.write(clientClose(4000))
    same(await a.closeCode(), 4000, 'close code of the answer')
  }),
]
