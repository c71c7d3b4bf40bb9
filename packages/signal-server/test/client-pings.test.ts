import { expect, test } from 'vitest'
import { Stage } from './harness/stage.js'

test('each Ping of signal.v1 is answered with a Pong', async () => {
  const stage = await Stage.open()
  const alice = await stage.v1('alice', 'k')
  for (let n = 0; n < 3; n++) {
    alice.send({ type: 'Ping' })
    expect(await alice.next('Pong')).toEqual({ type: 'Pong' })
  }
})

test('a Ping is answered in its turn, after what was said before', async () => {
  const stage = await Stage.open()
  await stage.v1('bob', 'k')
  const alice = await stage.v1('alice')
  alice.send({ type: 'Join', join: ['k'] })
  alice.send({ type: 'Ping' })
  expect(await alice.next('Introduction')).toMatchObject({ id: 'bob' })
  expect(await alice.next('Pong')).toEqual({ type: 'Pong' })
})

test('pings are charged like other messages, and slowed', async () => {
  const stage = await Stage.open({ messagesBurst: 10, messagesPerSecond: 100 })
  const alice = await stage.v1('alice')
  const start = performance.now()
  for (let n = 0; n < 60; n++) alice.send({ type: 'Ping' })
  for (let n = 0; n < 60; n++) await alice.next('Pong')
  expect(performance.now() - start).toBeGreaterThan(400)
})

test('an Introduction says whether the server has ended the pipe that the two had', async () => {
  const stage = await Stage.open()
  const alice = await stage.v1('alice', 'k')
  const bob = await stage.v1('bob', 'k')
  const first = { type: 'Introduction', id: 'bob', keys: ['k'] }
  expect(await alice.next('Introduction')).toEqual(first)
  await bob.next('Introduction')
  const a = await stage.client('/connection/alice/bob/k')
  const b = await stage.client('/connection/bob/alice/k')
  a.send('hello')
  expect((await b.messages.next()).text).toBe('hello')
  alice.send({ type: 'Join', join: ['k'] })
  expect(await alice.next('Introduction')).toEqual(first)
  await bob.next('Introduction')
  await b.kill()
  expect(await a.closed).toMatchObject({ code: 4410 })
  expect(await alice.next('Introduction')).toEqual({ ...first, again: true })
  expect(await bob.next('Introduction')).toMatchObject({ id: 'alice', again: true })
})
