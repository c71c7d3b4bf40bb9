import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { SignalServer } from 'signal-server'
import { expect, onTestFinished, test } from 'vitest'
import { statusRouter } from '../src/http/status-page.js'
import { Traffic } from '../src/http/traffic.js'
import { view } from './harness/viewer.js'

/** A server that was looked at so often, and counts how often one of its samples is encoded. */
async function serve(looks: number) {
  const server = new SignalServer()
  const traffic = new Traffic()
  let encoded = 0
  const look = () => {
    const stats = server.stats()
    const peers = { toJSON: () => ++encoded } as unknown as number
    traffic.look({ ...stats, endpoints: { introduction: { peers } } })
  }
  // the first one is what the second is compared with
  for (let n = 0; n <= looks; n++) look()
  const http = createServer(express().use(statusRouter(server, traffic)))
  onTestFinished(async () => {
    http.closeAllConnections()
    http.close()
    await server.close()
  })
  await once(http.listen(0, '127.0.0.1'), 'listening')
  const { port } = http.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, look, encoded: () => encoded }
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
