import type { Socket } from 'node:net'
import { clientFrame } from 'signal-test-kit'
import { expect, test } from 'vitest'
import { inMegabytes, megabyte, open, openPairs, settled } from './harness/crowd.js'
import { ServerProcess } from './harness/server-process.js'

/** Repeats a frame to so many bytes. */
function flood(frame: Buffer, bytes: number): Buffer {
  return Buffer.alloc(frame.length * Math.floor(bytes / frame.length), frame)
}

const paths = (count: number, path: string) =>
  Array.from({ length: count }, (_, n) => `${path}${n}`)

/** Floods of small things: how they begin, with bytes for each socket that nobody has to read. */
const floods: Record<
  string,
  { begin: (server: ServerProcess) => Promise<Socket[]>; bytes: Buffer; mostResident?: number }
> = {
  'pings in 10 pairs': {
    begin: async (server) => (await openPairs(server, 10)).flat(),
    bytes: flood(clientFrame(9), 4 * megabyte),
    mostResident: 180 * megabyte,
  },
  'pings between messages in 20 pairs': {
    begin: async (server) => (await openPairs(server, 20)).flat(),
    bytes: flood(Buffer.concat([clientFrame(9), clientFrame(1)]), 4 * megabyte),
  },
  'pongs between messages in 20 pairs': {
    begin: async (server) => (await openPairs(server, 20)).flat(),
    bytes: flood(Buffer.concat([clientFrame(10), clientFrame(1)]), 4 * megabyte),
  },
  'empty messages in 20 pairs': {
    begin: async (server) => (await openPairs(server, 20)).flat(),
    bytes: flood(clientFrame(2), 4 * megabyte),
  },
  'pings in 200 introductions': {
    begin: (server) => open(server, paths(200, '/introduction/alice')),
    bytes: flood(clientFrame(9), megabyte),
    mostResident: 150 * megabyte,
  },
  'pings between messages in 200 introductions': {
    begin: (server) => open(server, paths(200, '/introduction/alice')),
    bytes: flood(Buffer.concat([clientFrame(9), clientFrame(1, '{}')]), megabyte),
  },
  'pongs in 200 introductions': {
    begin: (server) => open(server, paths(200, '/introduction/alice')),
    bytes: flood(clientFrame(10), megabyte),
  },
  'Pings of signal.v1 in 200 introductions': {
    begin: (server) => open(server, paths(200, '/introduction/alice')),
    bytes: flood(clientFrame(1, '{"type":"Ping"}'), megabyte),
  },
  'fragments of no bytes in 200 introductions': {
    begin: (server) => open(server, paths(200, '/introduction/alice')),
    bytes: Buffer.concat([
      clientFrame(1, '{', { fin: false }),
      flood(clientFrame(0, '', { fin: false }), 20_000),
    ]),
  },
  'pings of 200 connections that wait': {
    begin: (server) => open(server, paths(200, '/connection/alice/bob/')),
    bytes: flood(clientFrame(9), megabyte),
  },
}

test.each(Object.entries(floods))(
  'row 50: %s cost what is counted, and nothing else',
  { timeout: 60_000 },
  async (_what, { begin, bytes, mostResident = Infinity }) => {
    const server = await ServerProcess.start()
    const sockets = await begin(server)
    const before = await server.residentBytes()
    server.forgetPeak()
    for (const socket of sockets) {
      socket.pause()
      socket.write(bytes)
    }
    let counted = 0
    await settled(server, ({ bufferedBytes }) => (counted = Math.max(counted, bufferedBytes)))
    const peak = server.peakBytes()
    const figures = `grew by ${inMegabytes(peak - before)} MiB, of which ${inMegabytes(counted)} are counted`
    expect(peak - before, figures).toBeLessThan(1.5 * counted + 64 * megabyte)
    expect(peak).toBeLessThan(mostResident)
    expect((await fetch(`${server.http}/healthz`)).status).toBe(200)
  },
)
