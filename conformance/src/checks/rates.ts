import { SUBPROTOCOL } from 'signal-server-protocol'
import { check, type Check } from '../check.js'
import { must, same } from '../failure.js'

const v1 = SUBPROTOCOL
/** §9.2: rates. */
export const rateChecks: readonly Check[] = [
  check('9.2', '6,000 keys at once are served without delay', async (scene) => {
    const { first, second, unique } = scene
    const alice = await first.introduction(unique('alice'), 'any')
    const key = unique('key')
    for (let n = 0; n < 3_000; n++) {
      if (n > 0) alice.leave(`key ${n - 1}`)
      alice.join(n < 2_999 ? `key ${n}` : key)
    }
    const bob = await second.introduction(unique('bob'), 'any')
    await alice.settled()
    bob.join(key)
    await bob.expectIntroduction(alice, key)
  }),

  check('9.2', '100 other messages at once are served without delay', async (scene) => {
    const { first, second, unique } = scene
    const key = unique('key')
    const alice = await first.peer(v1, unique('alice'), key)
    const bob = await second.peer(v1, unique('bob'), key)
    await alice.introducedTo(bob)
    const since = performance.now()
    for (let n = 0; n < 90; n++) alice.socket.send({ type: 'Signal', to: bob.id, signal: n })
    for (let n = 0; n < 90; n++) await bob.next('Signal')
    must(performance.now() - since < 2_000, 'they took more than 2 s')
  }),

  check('9.2', 'A client that is faster is read more slowly, and loses nothing', async (scene) => {
    const { first, second, unique } = scene
    const key = unique('key')
    const alice = await first.peer(v1, unique('alice'), key)
    const bob = await second.peer(v1, unique('bob'), key)
    await alice.introducedTo(bob)
    const since = performance.now()
    for (let n = 0; n < 160; n++) alice.socket.send({ type: 'Signal', to: bob.id, signal: n })
    for (let n = 0; n < 160; n++) same((await bob.next('Signal')).signal, n, 'signal')
    must(performance.now() - since > 1_500, 'it was not slowed')
  }),

  check(
    '9.2',
    'A client that is slowed for 60 s without pause is closed with 4429',
    async (scene) => {
      const alice = await scene.first.introduction(scene.unique(), v1)
      const flood = setInterval(() => {
        for (let n = 0; n < 20; n++) alice.socket.send({ type: 'Ignored' })
      }, 100)
      try {
        const { code } = await alice.socket.closed('the close', 120_000)
        same(code, 4429, 'close code')
      } finally {
        clearInterval(flood)
      }
    },
    { slow: true },
  ),
]
