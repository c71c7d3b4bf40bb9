import { afterEach, beforeEach, expect, test } from 'vitest'
import { Log } from './harness/log.js'
import { Network } from './harness/network.js'
import { talk } from './harness/talk.js'
import { PUBLISHED } from './harness/test-client.js'

const key = 'happy-raccoon'
let network: Network

// The server's own times are 22 s and 20 s.
beforeEach(async () => {
  network = await Network.open({ pingInterval: 200, pongTimeout: 1_000 })
})
afterEach(() => network.close())

// 0.x has no heartbeat at all, and 3.x and 4.x send theirs every 55 s.
test.each(PUBLISHED)('a %s client that is silent stays, and one that is lost goes', async (old) => {
  const lost = network.start(old, 'lost', key)
  const silent = network.start(old, 'silent', key)
  const watcher = network.start('signal.v1', 'watcher', key)
  const [atWatcher] = await talk(watcher, lost, key)
  await talk(watcher, silent, key)

  const pings = new Log<Buffer>()
  silent.host.sessions.items[0]!.on('ping', (data: Buffer) => pings.push(data))
  lost.host.freeze()
  await watcher.messages.until(
    (messages) => messages.some(({ type, id }) => type === 'Departure' && id === 'lost'),
    'Departure of the one that is lost',
  )
  expect(await atWatcher.closed).toMatchObject({ code: 4410 })

  await pings.until((all) => all.length >= 3, 'three pings')
  await talk(watcher, silent, key)
  expect(watcher.messages.items.filter(({ type }) => type === 'Departure')).toHaveLength(1)
  expect(silent.host.dials.items).toHaveLength(1)
})
