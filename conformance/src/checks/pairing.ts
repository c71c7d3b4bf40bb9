import { SUBPROTOCOL } from 'signal-protocol'
import { pass } from '../arrivals.js'
import { check, each, type Check } from '../check.js'
import { must, same } from '../failure.js'
import { clientClose, clientFrame, Opcode } from '../frames.js'
import { binary, text, type Message, type Socket } from '../socket.js'

const paired = text('{"type":"Paired"}')

/** Sees that two sockets are joined: each gets what the other sends, and nothing before that. */
async function expectJoined(a: Socket, b: Socket): Promise<void> {
  a.send(text('from a'))
  b.send(text('from b'))
  await b.expect(text('from a'))
  await a.expect(text('from b'))
}

/** Requests that look alike when their parts are strung together. */
const lookalikes = [
  { a: ['x:y', 'z', 'k'], b: ['z', 'x', 'y:k'] },
  { a: ['x', 'y:z', 'k'], b: ['y', 'x', 'z:k'] },
  { a: ['x/y', 'z', 'k'], b: ['z', 'x', 'y/k'] },
  { a: ['x', 'y', 'z"],["k'], b: ['y', 'x"],["z', 'k'] },
  { a: ['x', 'y,z', 'k'], b: ['y', 'x', 'z,k'] },
] as const

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

/** §7.1 to §7.4: pairing, waiting, and what comes first. */
export const pairingChecks: readonly Check[] = [
  check('7.1', 'Two reciprocal requests are joined, without an introduction', async (scene) => {
    await expectJoined(...(await scene.pair()))
  }),

  check('7.1', 'Many pairs that ask at the same time are all joined', async (scene) => {
    const pairs = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const [a, b, key] = [scene.unique('a'), scene.unique('b'), scene.unique('key')]
        return Promise.all([scene.first.connect(a, b, key), scene.second.connect(b, a, key)])
      }),
    )
    await Promise.all(pairs.map(([a, b]) => expectJoined(a, b)))
  }),

  check('7.1', 'Two peers have a pipe for each key', async (scene) => {
    const [a, b] = [scene.unique('a'), scene.unique('b')]
    const keys = ['one', 'two', 'three'].map(scene.unique)
    const pairs = await Promise.all(keys.map((key) => scene.pair([], { a, b, key })))
    await Promise.all(pairs.map((pair) => expectJoined(...pair)))
  }),

  ...each(lookalikes, ({ a, b }) =>
    check('7.1', `${a.join(' ')} and ${b.join(' ')} are not joined`, async (scene) => {
      const ending = scene.unique()
      const open = (parts: readonly string[], entrance: typeof scene.first) =>
        entrance.connect(parts[0]!, parts[1]!, `${parts[2]}${ending}`)
      const atA = await open(a, scene.first)
      const atB = await open(b, scene.second)
      atA.send(text('not for you'))
      await atA.settled()
      // each gets its own partner, and only what that one sends
      const forA = await open([a[1], a[0], a[2]], scene.second)
      const forB = await open([b[1], b[0], b[2]], scene.first)
      await forA.expect(text('not for you'))
      await expectJoined(atA, forA)
      await expectJoined(atB, forB)
    }),
  ),

  check(
    '7.1',
    'Requests on different keys, or for somebody else, are not joined',
    async (scene) => {
      const { first, second, unique } = scene
      const [a, b, key] = [unique('a'), unique('b'), unique('key')]
      const atA = await first.connect(a, b, key)
      const others = [
        await second.connect(b, a, `${key}x`),
        await second.connect(b, `${a}x`, key),
        await second.connect(`${b}x`, a, key),
      ]
      const atB = await second.connect(b, a, key)
      await expectJoined(atA, atB)
      for (const other of others) same(other.take(), [], 'messages to others')
    },
  ),

  check('7.1', 'A request whose two ids are the same is answered with 400', async ({ first }) => {
    same((await first.ask('/connection/a%2Fb/a%2fb/k')).status, 400, 'status')
  }),

  check('7.1', 'The server sends no data of its own', async (scene) => {
    const [a, b] = await scene.rawPair()
    await pass(300)
    a.write(clientFrame(Opcode.text, 'first'))
    b.write(clientFrame(Opcode.text, 'back'))
    same((await b.dataFrame()).payload.toString(), 'first', 'first frame')
    same((await a.dataFrame()).payload.toString(), 'back', 'first frame')
  }),

  check('7.1', 'No byte of a pair reaches a later pair of the same place', async (scene) => {
    const names = { a: scene.unique('a'), b: scene.unique('b'), key: scene.unique('key') }
    for (let n = 0; n < 5; n++) {
      const [a, b] = await scene.pair([], names)
      const [there, back] = [text(`there ${n}`), text(`back ${n}`)]
      a.send(there)
      b.send(back)
      await b.expect(there)
      await a.expect(back)
      a.send(text(`never read ${n}`))
      await Promise.all([b.close(1000), a.closed()])
    }
  }),

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
    await atA.frame('a pong')
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
    for (;;) {
      const { opcode, payload } = await raw.frame('a pong')
      if (opcode !== Opcode.pong) continue
      same(payload.toString(), 'are you there?', 'payload of the pong')
      return
    }
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
    'Who waits for nobody is closed with 4408 after the hold time, and introduced again',
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

  check('7.3', 'Both clients that offered signal.v1 are told Paired, first', async (scene) => {
    const [a, b] = await scene.pair([SUBPROTOCOL])
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
    const held = await atB.frame('the held message', 500)
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
