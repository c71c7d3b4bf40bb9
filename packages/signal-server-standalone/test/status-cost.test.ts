import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import express, { type RequestHandler } from 'express'
import { SignalServer, type SignalServerOptions } from 'signal-server'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { RawSocket } from '../../signal-server/test/harness/raw-socket.js'
import { mostViewers, statusRouter } from '../src/http/status-page.js'
import { Traffic } from '../src/http/traffic.js'
import { view } from './harness/viewer.js'

/** Writes until the network takes no more, so that whatever follows waits. */
async function fill(socket: Socket): Promise<void> {
  const piece = Buffer.alloc(16 * 1024)
  for (let taken = true; taken;) {
    const written = new Promise<boolean>((resolve) => socket.write(piece, () => resolve(true)))
    const late = new Promise<boolean>((resolve) => setTimeout(resolve, 200, false))
    taken = await Promise.race([written, late])
  }
}

/** A server that was looked at so often, and counts how often one of its samples is encoded. */
async function serve(
  looks: number,
  options: SignalServerOptions = {},
  asked: (request: IncomingMessage) => void | Promise<void> = () => {},
) {
  const server = new SignalServer(options)
  const traffic = new Traffic()
  let encoded = 0
  const look = () => {
    const stats = server.stats()
    const peers = { toJSON: () => ++encoded } as unknown as number
    traffic.look({ ...stats, endpoints: { introduction: { peers } } })
  }
  // the first one is what the second is compared with
  for (let n = 0; n <= looks; n++) look()
  const noticed: RequestHandler = async (request, _response, next) => {
    await asked(request)
    next()
  }
  const http = createServer(express().use(noticed, statusRouter(server, traffic)))
  onTestFinished(async () => {
    http.closeAllConnections()
    http.close()
    await server.close()
  })
  await once(http.listen(0, '127.0.0.1'), 'listening')
  const { port } = http.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, look, traffic, encoded: () => encoded }
}

test('row 52: what the viewers of the status page are told is encoded once for all of them', async () => {
  const { url, look, encoded } = await serve(300)
  const viewers = await Promise.all(Array.from({ length: 50 }, () => view(url)))
  const next = () => Promise.all(viewers.map(({ events }) => events.next()))
  const hellos = await next()
  expect(new Set(hellos).size).toBe(1)
  expect(hellos[0]).toMatch(/^event: hello\n/)
  expect(encoded()).toBe(300)
  look()
  expect(new Set(await next()).size).toBe(1)
  expect(encoded()).toBe(301)
  // a newcomer is told of that one, too
  const newcomer = await view(url)
  expect(await newcomer.events.next()).toContain(`"peers":${encoded()}`)
  expect(encoded()).toBe(601)
})

test('row 56: a viewer to which nothing can be sent makes room for others, and ends no process', async () => {
  const { url, look, traffic } = await serve(1, { headersTimeout: 50 }, async ({ socket }) => {
    if (traffic.viewers === 0) await fill(socket)
  })
  const stuck = await RawSocket.open(Number(new URL(url).port))
  onTestFinished(() => stuck.reset())
  stuck.socket.pause()
  stuck.write('GET /status HTTP/1.1\r\nHost: x\r\n\r\n')
  await eventually(() => traffic.viewers === 1, 'the viewer')
  const others: Awaited<ReturnType<typeof view>>[] = []
  while (others.length < mostViewers - 1) others.push(await view(url))
  const start = performance.now()
  await eventually(() => performance.now() - start > 100, 'the end of its grace')
  others.push(await view(url))
  look()
  await eventually(() => traffic.viewers === mostViewers, 'the end of the one that makes room')
  for (const { status, events } of others) {
    expect(status).toBe(200)
    expect(await events.next()).toMatch(/^event: hello/)
  }
})
