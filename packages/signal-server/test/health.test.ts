import { expect, test } from 'vitest'
import { Stage } from './harness/stage.js'

test('two peers meet, talk and leave, and nothing of them is kept', async () => {
  const stage = await Stage.open()
  const alice = await stage.v1('alice', 'k')
  const bob = await stage.v1('bob', 'k')
  expect(await alice.next('Introduction')).toEqual({ type: 'Introduction', id: 'bob', keys: ['k'] })
  expect(await bob.next('Introduction')).toMatchObject({ id: 'alice' })
  const a = await stage.client('/connection/alice/bob/k')
  const b = await stage.client('/connection/bob/alice/k')
  a.send('hello')
  expect((await b.messages.next()).text).toBe('hello')
  await Promise.all([a.close(), b.closed, alice.close(), bob.close()])
})
