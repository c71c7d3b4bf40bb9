import { expect, test } from 'vitest'
import { Stage } from './harness/stage.js'

test('a pipe carries no more bytes a second than it may, both ways together', async () => {
  const stage = await Stage.open({ maxPipeBytesPerSecond: 200_000 })
  const a = await stage.client('/connection/alice/bob/k')
  const b = await stage.client('/connection/bob/alice/k')
  const started = performance.now()
  for (let n = 0; n < 10; n++) {
    a.send(Buffer.alloc(20_000, n))
    b.send(Buffer.alloc(20_000, n))
  }
  // 400 KB, of which 200 KB may go at once
  for (let n = 0; n < 10; n++) {
    expect((await a.messages.next()).bytes[0]).toBe(n)
    expect((await b.messages.next()).bytes[0]).toBe(n)
  }
  a.send(Buffer.alloc(1))
  await b.messages.next()
  expect(performance.now() - started).toBeGreaterThan(700)
  expect(await a.close(1000)).toMatchObject({ code: 1000 })
  await b.closed
  await stage.expectQuiet()
})

test('a pipe that is slowed down for its bytes leaves others alone, and ends with its peers', async () => {
  const stage = await Stage.open({ maxPipeBytesPerSecond: 10_000 })
  const a = await stage.client('/connection/alice/bob/k')
  const b = await stage.client('/connection/bob/alice/k')
  a.send(Buffer.alloc(60_000))
  await b.messages.next()
  // it is paused for seconds now
  await b.kill()
  expect(await a.closed).toMatchObject({ code: 4410 })
  await stage.expectQuiet()
})

test('a pipe lives no longer than it may: both sides get 4408', async () => {
  const stage = await Stage.open({ maxPipeTime: 1_500 })
  const started = performance.now()
  const a = await stage.client('/connection/alice/bob/k')
  const b = await stage.client('/connection/bob/alice/k')
  expect(await a.closed).toMatchObject({ code: 4408 })
  expect(await b.closed).toMatchObject({ code: 4408 })
  expect(performance.now() - started).toBeGreaterThanOrEqual(1_490)
  expect(stage.outcomes().pipe_expired).toBeGreaterThanOrEqual(1)
  // that of the bystanders, too
  await stage.server.close()
})
