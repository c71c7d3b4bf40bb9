import { clientFrame, Opcode } from 'signal-test-kit'
import { pass } from '../arrivals.js'
import { check, each, type Check } from '../check.js'
import { same } from '../failure.js'
import { expectJoined } from '../joined.js'
import { text } from '../socket.js'

/** Requests that look alike when their parts are strung together. */
const lookalikes = [
  { a: ['x:y', 'z', 'k'], b: ['z', 'x', 'y:k'] },
  { a: ['x', 'y:z', 'k'], b: ['y', 'x', 'z:k'] },
  { a: ['x/y', 'z', 'k'], b: ['z', 'x', 'y/k'] },
  { a: ['x', 'y', 'z"],["k'], b: ['y', 'x"],["z', 'k'] },
  { a: ['x', 'y,z', 'k'], b: ['y', 'x', 'z,k'] },
] as const

/** §7.1: who is joined with whom. */
export const pairingChecks: readonly Check[] = [
  check('7.1', 'Two reciprocal requests are joined, without an introduction', async (scene) => {
    await expectJoined(...(await scene.asking()))
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
    const pairs = await Promise.all(keys.map((key) => scene.asking([], { a, b, key })))
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
    const place = scene.place()
    const a = await scene.first.connectRaw(place.a, place.b, place.key)
    const b = await scene.second.connectRaw(place.b, place.a, place.key)
    await pass(300)
    a.write(clientFrame(Opcode.text, 'first'))
    b.write(clientFrame(Opcode.text, 'back'))
    same((await b.dataFrame()).payload.toString(), 'first', 'first frame')
    same((await a.dataFrame()).payload.toString(), 'back', 'first frame')
  }),

  check('7.1', 'No byte of a pair reaches a later pair of the same place', async (scene) => {
    const place = scene.place()
    for (let n = 0; n < 5; n++) {
      const [a, b] = await scene.asking([], place)
      const [there, back] = [text(`there ${n}`), text(`back ${n}`)]
      a.send(there)
      b.send(back)
      await b.expect(there)
      await a.expect(back)
      a.send(text(`never read ${n}`))
      await Promise.all([b.close(1000), a.closed()])
    }
  }),
]
