import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { LocalIntroductions } from '../src/introduction/cluster/local-introductions.js'
import { signalV1 } from '../src/introduction/dialects/signal-v1.js'
import { Introducer } from '../src/introduction/sessions/introducer.js'
import { Realms } from '../src/introduction/sessions/realms.js'
import type { Session } from '../src/introduction/sessions/session.js'
import { SlicedWork } from '../src/limits/sliced-work.js'

test('row 42: all peers of an app may have left when news from another instance get their turn', async () => {
  const work = new SlicedWork()
  const realms = new Realms<Session>()
  const v1 = signalV1({ name: 'signal-server', version: '0' }, () => [])
  let told = 0
  const introduced = () => void told++
  const introducer = new Introducer(realms, work, introduced)
  onTestFinished(() => {
    introducer.close()
    work.close()
  })
  const local = new LocalIntroductions(realms, v1, work, introducer, introduced)
  const realm = realms.enter('app')
  const shown = () => ({ id: 'alice', since: 1 })
  const busy = function* () {
    for (let n = 0; n < 3; n++) {
      const end = performance.now() + 10
      while (performance.now() < end);
      yield
    }
  }
  // so that the news wait for later turns
  work.run(busy(), undefined, { of: 'others' })
  local.introduceRemote('app', 'alice', ['k'], shown)
  local.introduceRemote('app', 'alice', ['k'], shown, 'bob')
  local.updateRemote('app', 'alice', ['k'], shown)
  local.departRemote('app', 'alice', ['k'])
  realms.tidy(realm)
  expect(realms.get('app')).toBeUndefined()
  for (let turn = 0; turn < 20; turn++) await nextTurn()
  expect(told).toBe(0)
})
