import { SUBPROTOCOL } from 'signal-server-protocol'
import { clientFrame, Opcode } from 'signal-test-kit'
import { introduced, expectError } from '../introduced.js'
import { check, each, type Check } from '../check.js'
import { must, same } from '../failure.js'
import { text, type Message } from '../socket.js'

const v1 = SUBPROTOCOL
const json = (value: unknown): Message => text(JSON.stringify(value))

const bad: Readonly<Record<string, Message>> = {
  'no JSON': text('{"type":'),
  'an empty text': text(''),
  null: text('null'),
  'an array': json([{ type: 'Join', join: ['k'] }]),
  'a number': text('7'),
  'a string': json('Join'),
  'an object without a type': json({ join: ['k'] }),
  'a type that is a number': json({ type: 1 }),
  'a type that is null': json({ type: null }),
  'a Join without a list': json({ type: 'Join' }),
  'a Join whose list is a string': json({ type: 'Join', join: 'k' }),
  'a Join whose list is an object': json({ type: 'Join', join: { length: 1, 0: 'k' } }),
  'a Join of a number': json({ type: 'Join', join: [1] }),
  'a Join of an empty key': json({ type: 'Join', join: [''] }),
  'a Leave without a list': json({ type: 'Leave' }),
  'a Leave of null': json({ type: 'Leave', leave: [null] }),
  'an Announce without info': json({ type: 'Announce' }),
  'a Signal without a receiver': json({ type: 'Signal', signal: 1 }),
  'a Signal to a number': json({ type: 'Signal', to: 5, signal: 1 }),
  'a Signal without a signal': json({ type: 'Signal', to: 'x' }),
}

/** §6.1: what every message of `signal.v1` has to be. */
export const signalV1MessageChecks: readonly Check[] = [
  ...each(Object.entries(bad), ([what, message]) =>
    check(
      '6.1',
      `A bad message (${what}) is answered with bad_message, and nothing of it is done`,
      async (scene) => {
        const [alice, bob, key] = await introduced(scene)
        alice.socket.send(message)
        await expectError(alice, 'bad_message')
        bob.join(key)
        await bob.expectIntroduction(alice, key)
      },
      { hostile: true },
    ),
  ),

  check('6.1', 'The tenth bad message closes the session with 4400', async (scene) => {
    const alice = await scene.first.introduction(scene.unique(), v1)
    for (let n = 0; n < 9; n++) alice.socket.send('nonsense')
    for (let n = 0; n < 9; n++) await expectError(alice, 'bad_message')
    await alice.settled()
    alice.socket.send('nonsense')
    const { code, reason } = await alice.socket.closed()
    same(code, 4400, 'close code')
    must(reason !== '', 'the close has no sentence')
  }),

  check('6.1', 'Unknown types are ignored, and not answered', async (scene) => {
    const [alice, bob] = await introduced(scene)
    for (let n = 0; n < 20; n++) alice.socket.send({ type: `Unknown${n}`, join: 5, to: {} })
    alice.socket.send({ type: 'Heartbeat' })
    alice.socket.send({ type: '__proto__' })
    alice.socket.send({ type: 'Signal', to: bob.id, signal: 'after' })
    same((await bob.next('Signal')).signal, 'after', 'signal')
    same(alice.news(), [], 'messages')
  }),

  check('6.1', 'Unknown fields are ignored', async (scene) => {
    const [alice, bob] = await introduced(scene)
    const key = scene.unique('key')
    alice.socket.send({ type: 'Join', join: [key], leave: 5, documentIds: {}, future: [1] })
    bob.socket.send({ future: { a: 1 }, type: 'Join', join: [key] })
    await alice.expectIntroduction(bob, key)
  }),

  check(
    '4.2',
    'Text that is not UTF-8 closes the session with 1007',
    async (scene) => {
      const raw = await scene.first.upgrade(`/introduction/${scene.unique()}`)
      raw.write(clientFrame(Opcode.text, Buffer.from([0x7b, 0xff, 0x7d])))
      same(await raw.closeCode(), 1007, 'close code')
    },
    { hostile: true },
  ),
]
