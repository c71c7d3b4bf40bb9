import { check, each, type Check } from '../check.js'
import { dialects } from '../dialects.js'
import { must, same } from '../failure.js'
import { text } from '../socket.js'

const unknownPaths = [
  '/nothing-of-the-kind',
  '/introduction',
  '/introduction/',
  '/introduction/a/b',
  '/introduction/a/',
  '/connection/a',
  '/connection/a/b',
  '/connection/a/b/',
  '/connection/a//k',
  '/connection//b/k',
  '/connection/a/b/k/more',
]

const malformed = ['%', '%zz', '%4', '%E0%A4%A', '%ff', '%C0%80']
const controls = ['%00', '%0a', '%1F', '%7f']

const ordinary = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'a:b', 'a%2Fb', 'a/b']
const names = [...ordinary, '🐟', ' ', '?x#y', "it's", '{"a":[1]}', '[object Object]', 'null', '0']

/** §2: paths, encoding, ids and keys. */
export const urlChecks: readonly Check[] = [
  check('2.1', 'A query string has no meaning', async ({ first, second, unique }) => {
    const [a, b, key] = [unique('a'), unique('b'), unique('key')]
    const atA = await first.socket(`/connection/${a}/${b}/${key}?x=/y/%zz&z`)
    const atB = await second.socket(`/connection/${b}/${a}/${key}`)
    atA.send(text('through'))
    await atB.expect(text('through'))
    await first.socket(`/introduction/${a}?`)
  }),

  ...each(unknownPaths, (path) =>
    check('2.1', `An upgrade of ${path} is answered with 404`, async ({ first }) => {
      const { status } = await first.ask(path)
      same(status, 404, 'status')
    }),
  ),

  check('2.2', 'An id is decoded exactly once', async ({ first, second, unique }) => {
    const key = unique('key')
    const ending = unique()
    const alice = await first.introduction(unique('alice'), 'any')
    alice.join(key)
    for (const [encoded, id] of [
      [`a%2Fb${ending}`, `a/b${ending}`],
      [`a%252Fb${ending}`, `a%2Fb${ending}`],
      [`%F0%9F%90%9F${ending}`, `🐟${ending}`],
      [`a+b${ending}`, `a+b${ending}`],
    ] as const) {
      const bob = await second.socket(`/introduction/${encoded}`)
      bob.send(dialects.v0.join([key]))
      await alice.expectIntroduction({ id }, key)
    }
  }),

  check('2.2', 'An id that is not encoded is the same id', async ({ first, second, unique }) => {
    const [a, b, key] = [unique('a:'), unique('b:'), unique('key')]
    const encoded = (id: string) => id.replace(':', '%3A')
    const atA = await first.socket(`/connection/${a}/${b}/${key}`)
    const atB = await second.socket(`/connection/${encoded(b)}/${encoded(a)}/${key}`)
    atA.send(text('through'))
    await atB.expect(text('through'))
  }),

  ...each(malformed, (segment) =>
    check('2.2', `The malformed segment ${segment} is answered with 400`, async ({ first }) => {
      for (const path of [`/introduction/${segment}`, `/connection/a/${segment}/k`]) {
        same((await first.ask(path)).status, 400, `status of ${path}`)
      }
    }),
  ),

  ...each(controls, (segment) =>
    check('2.2', `The control character ${segment} is answered with 400`, async ({ first }) => {
      for (const path of [`/introduction/a${segment}`, `/connection/a/b/k${segment}`]) {
        same((await first.ask(path)).status, 400, `status of ${path}`)
      }
    }),
  ),

  check('2.3', 'An id of 256 bytes is accepted, one of 257 answered with 414', async (scene) => {
    const { first } = scene
    const id = scene.unique().padEnd(256, 'x')
    for (const path of [`/introduction/${id}`, `/connection/${id}/b/k`, `/connection/a/b/${id}`]) {
      same((await first.ask(path)).status, 101, 'status with 256 bytes')
      same((await first.ask(path.replace(id, `${id}x`))).status, 414, 'status with 257 bytes')
    }
  }),

  check('2.3', 'The length of an id counts in bytes of UTF-8, decoded', async ({ first }) => {
    const fish = encodeURIComponent('🐟')
    same((await first.ask(`/introduction/${fish.repeat(64)}`)).status, 101, '64 fish')
    same((await first.ask(`/introduction/${fish.repeat(65)}`)).status, 414, '65 fish')
  }),

  ...each(names, (name) => [
    check(
      '2.3',
      `The id ${JSON.stringify(name)} is ordinary`,
      async ({ first, second, unique }) => {
        const key = unique('key')
        const named = await first.introduction(name, 'any')
        const bob = await second.introduction(unique('bob'), 'any')
        named.join(key)
        bob.join(key)
        await bob.expectIntroduction(named, key)
        await named.expectIntroduction(bob, key)
        const atNamed = await first.connect(name, bob.id, key)
        const atBob = await second.connect(bob.id, name, key)
        atNamed.send(text('through'))
        await atBob.expect(text('through'))
      },
      { hostile: true },
    ),
    check(
      '2.3',
      `The key ${JSON.stringify(name)} is ordinary`,
      async ({ first, second, unique }) => {
        const alice = await first.introduction(unique('alice'), 'any')
        const bob = await second.introduction(unique('bob'), 'any')
        alice.join(name)
        bob.join(name)
        await alice.expectIntroduction(bob, name)
        await bob.expectIntroduction(alice, name)
        const atAlice = await first.connect(alice.id, bob.id, name)
        const atBob = await second.connect(bob.id, alice.id, name)
        atBob.send(text('through'))
        await atAlice.expect(text('through'))
      },
      { hostile: true },
    ),
  ]),

  check('2.3', 'Ids and keys are not normalised', async ({ first, second, unique }) => {
    const key = unique('Key-é')
    const alice = await first.peer('any', unique('alice'), key)
    for (const other of [key.normalize('NFD'), key.toLowerCase(), `${key} `]) {
      must(other !== key, 'a key that differs')
      await second.peer('any', unique('bob'), other)
    }
    const carol = await second.peer('any', unique('carol'), key)
    await alice.expectIntroduction(carol, key)
    const others = alice.introductions().filter(({ id }) => id !== carol.id)
    same(others, [], 'introductions to others')
  }),
]
