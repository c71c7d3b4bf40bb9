import { PAIRED_TEXT, SUBPROTOCOL } from 'signal-server-protocol'
import { clientClose, clientFrame, Opcode } from 'signal-test-kit'
import { pass } from '../arrivals.js'
import { check, each, type Check } from '../check.js'
import { same } from '../failure.js'
import { expectJoined } from '../joined.js'
import { binary, text, type Message } from '../socket.js'

const paired = text(PAIRED_TEXT)

const early: readonly Message[] = [
  text('first'),
  text(''),
  binary([]),
  binary([0, 255, 128]),
  text('é🐟\u0000'),
  binary(new Uint8Array(70_000).fill(7)),
  text('{"type":"Paired"}'),
  text('last'),
]

/** §7.2: waiting for a peer. */
export const holdingChecks: readonly Check[] = [
  ...each([[], [SUBPROTOCOL]], (protocols) =>
    check(
      '7.2',
      `What is sent ahead arrives first, unchanged${protocols.length ? ', in signal.v1' : ''}`,
      async (scene) => {
        const { first, second, unique } = scene
        const [a, b, key] = [unique('a'), unique('b'), unique('key')]
        const atA = await first.connect(a, b, key, protocols)
        for (const message of early) atA.send(message)
        await atA.settled()
        const atB = await second.connect(b, a, key, protocols)
        atA.send(text('later'))
        await atB.expect(...(protocols.length ? [paired] : []), ...early, text('later'))
        atB.send(text('back'))
        await atA.expect(...(protocols.length ? [paired] : []), text('back'))
      },
    ),
  ),

  check('7.2', 'Fragments that are sent ahead stay the same fragments', async (scene) => {
    const { first, second, unique } = scene
    const [a, b, key] = [unique('a'), unique('b'), unique('key')]
    const atA = await first.connectRaw(a, b, key)
    atA.write(clientFrame(Opcode.text, 'one', { fin: false }))
    atA.write(clientFrame(Opcode.ping, 'between'))
    atA.write(clientFrame(Opcode.continuation, '', { fin: false }))
    // a frame of which only a part has come
    const last = clientFrame(Opcode.continuation, 'x'.repeat(300))
    atA.write(last.subarray(0, 150))
    await atA.frameOf(Opcode.pong, 'a pong')
    const atB = await second.connectRaw(b, a, key)
    const [one, two] = [await atB.dataFrame(), await atB.dataFrame()]
    atA.write(last.subarray(150))
    const three = await atB.dataFrame()
    const seen = [one, two, three].map(({ fin, opcode, payload }) => [fin, opcode, payload.length])
    same(
      seen,
      [
        [false, 1, 3],
        [false, 0, 0],
        [true, 0, 300],
      ],
      'frames',
    )
  }),

  check('7.2', 'More than can be held is not lost', async (scene) => {
    const { first, second, unique } = scene
    const [a, b, key] = [unique('a'), unique('b'), unique('key')]
    const atA = await first.connect(a, b, key)
    const messages = Array.from({ length: 64 }, (_, n) => binary(new Uint8Array(65_536).fill(n)))
    for (const message of messages) atA.send(message)
    await pass(200)
    const atB = await second.connect(b, a, key)
    await atB.expect(...messages)
    await expectJoined(atA, atB)
  }),

  check('7.2', 'Pings are answered while a socket waits', async (scene) => {
    const raw = await scene.first.connectRaw(scene.unique('a'), scene.unique('b'), scene.unique())
    raw.write(clientFrame(Opcode.ping, 'are you there?'))
    const { payload } = await raw.frameOf(Opcode.pong, 'a pong')
    same(payload.toString(), 'are you there?', 'payload of the pong')
  }),

  ...each([1000, 3000, 4999, undefined], (code) =>
    check(
      '7.2',
      `A close (${code ?? 'no code'}) is answered while a socket waits`,
      async (scene) => {
        const { first, second, unique } = scene
        const [a, b, key] = [unique('a'), unique('b'), unique('key')]
        const raw = await first.connectRaw(a, b, key)
        raw.write(clientFrame(Opcode.text, 'of the one that left'))
        raw.write(clientClose(code))
        same(await raw.closeCode(), code ?? 1005, 'close code')
        await raw.ended
        // it waits no more: a partner is held, and joined with the next one
        const atB = await second.connect(b, a, key)
        atB.send(text('anybody?'))
        const again = await first.connect(a, b, key)
        await again.expect(text('anybody?'))
        await expectJoined(atB, again)
      },
    ),
  ),

  ...each(['a reset', 'the end of its connection'] as const, (end) =>
    check('7.2', `A socket waits no more after ${end}`, async (scene) => {
      const { first, second, unique } = scene
      const [a, b, key] = [unique('a'), unique('b'), unique('key')]
      const raw = await first.connectRaw(a, b, key)
      raw.write(clientFrame(Opcode.text, 'of the one that left'))
      await raw.frame('a pong or ping').catch(() => {})
      if (end === 'a reset') raw.reset()
      else raw.end()
      await raw.ended
      await pass(100)
      const atB = await second.connect(b, a, key)
      atB.send(text('anybody?'))
      const again = await first.connect(a, b, key)
      await again.expect(text('anybody?'))
      await expectJoined(atB, again)
    }),
  ),

  check(
    '7.2',
    'Who waits for nobody is closed with 4408 after the hold timeout, and introduced again',
    async (scene) => {
      const { first, second, unique } = scene
      const key = unique('key')
      const alice = await first.peer('any', unique('alice'), key)
      const bob = await second.peer('any', unique('bob'), key)
      await alice.introducedTo(bob)
      await bob.introducedTo(alice)
      const waiting = await first.connect(alice.id, bob.id, key)
      same((await waiting.closed('the close', 130_000)).code, 4408, 'close code')
      await alice.expectIntroduction(bob, key)
      await bob.expectIntroduction(alice, key)
    },
    { slow: true },
  ),
]
