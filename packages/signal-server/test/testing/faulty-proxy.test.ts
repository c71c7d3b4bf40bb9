import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { FaultyProxy } from 'signal-server/testing'
import { expect, onTestFinished, test } from 'vitest'

/** Two sockets with a faulty network between them. */
async function open(): Promise<{ proxy: FaultyProxy; near: Socket; far: Socket }> {
  const server = createServer((socket) => socket.on('error', () => {}))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy = await FaultyProxy.open({ port: (server.address() as AddressInfo).port })
  const accepted = once(server, 'connection')
  const near = connect(proxy.port, '127.0.0.1')
  const [far] = (await accepted) as [Socket]
  for (const socket of [near, far]) socket.on('error', () => {})
  onTestFinished(async () => {
    near.destroy()
    far.destroy()
    await proxy.close()
    server.close()
  })
  return { proxy, near, far }
}

/** One more connection. */
async function connected(proxy: FaultyProxy): Promise<void> {
  const socket = connect(proxy.port, '127.0.0.1')
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
}

async function passes(from: Socket, to: Socket, text: string): Promise<void> {
  from.write(text)
  let received = ''
  while (received.length < text.length) {
    const [chunk] = (await once(to, 'data')) as [Buffer]
    received += chunk.toString()
  }
  expect(received).toBe(text)
}

test('without a fault everything passes, both ways, and an end as well', async () => {
  const { proxy, near, far } = await open()
  await passes(near, far, 'to')
  await passes(far, near, 'fro')
  expect(proxy.connections).toBe(1)
  near.end('bye')
  const [[data]] = (await Promise.all([once(far, 'data'), once(far, 'end')])) as [[Buffer], unknown]
  expect(data.toString()).toBe('bye')
  far.end('bye, bye')
  await once(near, 'end')
})

test('stalled, nothing passes until it is resumed, and then all of it', async () => {
  const { proxy, near, far } = await open()
  proxy.stall()
  let early = ''
  far.on('data', (chunk: Buffer) => (early += chunk.toString()))
  near.write('held up')
  await connected(proxy)
  expect(early).toBe('')
  proxy.resume()
  await once(far, 'data')
  expect(early).toBe('held up')
})

test('delayed, what is sent takes its time and keeps its order', async () => {
  const { proxy, near, far } = await open()
  proxy.delay(200)
  const start = performance.now()
  let received = ''
  far.on('data', (chunk: Buffer) => (received += chunk.toString()))
  for (const word of ['one ', 'two ', 'three']) near.write(word)
  while (received !== 'one two three') await once(far, 'data')
  expect(performance.now() - start).toBeGreaterThanOrEqual(195)
  proxy.delay(0)
  await passes(far, near, 'at once')
})

test('reset, both sides get a reset', async () => {
  const { proxy, near, far } = await open()
  const errors = [near, far].map(async (socket) => (await once(socket, 'error')) as [Error])
  proxy.reset()
  for (const [error] of await Promise.all(errors))
    expect(error).toMatchObject({ code: 'ECONNRESET' })
})

test('cut, old connections are mute for ever, and new ones pass', async () => {
  const { proxy, near, far } = await open()
  await passes(near, far, 'before')
  proxy.cut()
  const heard: unknown[] = []
  far.on('data', (chunk) => heard.push(chunk))
  far.on('end', () => heard.push('end'))
  far.on('close', () => heard.push('close'))
  near.end('into the void')
  await once(near, 'finish')
  await connected(proxy)
  expect(heard).toEqual([])
  expect(proxy.connections).toBe(2)
})
