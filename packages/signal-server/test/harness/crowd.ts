import { connect, type Socket } from 'node:net'
import type { Stats } from 'signal-server'
import { handshake } from 'signal-test-kit'
import { expect, onTestFinished } from 'vitest'
import { eventually, within } from './arrivals.js'
import type { ServerProcess } from './server-process.js'

export const megabyte = 1024 * 1024
export const v1 = { headers: { 'Sec-WebSocket-Protocol': 'signal.v1' } }

/** Opens a socket that is upgraded and read, whatever comes. */
export async function upgrade({ port }: ServerProcess, path: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.setNoDelay(true)
  socket.write(handshake(path, v1))
  const [head] = await within(
    new Promise<[Buffer]>((resolve, reject) => {
      socket.once('data', (...chunk: [Buffer]) => resolve(chunk))
      socket.once('close', () => reject(new Error('closed before it was answered')))
    }),
    `an answer at ${path}`,
  )
  expect(head.toString('latin1', 0, 12)).toBe('HTTP/1.1 101')
  return socket
}

/** Does something so many times, some of them at a time. */
export async function inTurns(times: number, atATime: number, work: (n: number) => Promise<void>) {
  let next = 0
  const worker = async () => {
    while (next < times) await work(next++)
  }
  await Promise.all(Array.from({ length: atATime }, worker))
}

/** Opens a socket at each of the paths; they end with the test. */
export async function open(server: ServerProcess, paths: readonly string[]): Promise<Socket[]> {
  const sockets: Socket[] = []
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
  })
  await inTurns(paths.length, 50, async (n) => {
    sockets[n] = await upgrade(server, paths[n]!)
  })
  return sockets
}

/** Opens so many pairs on `/connection`, each with a key of its own. */
export async function openPairs(server: ServerProcess, count: number): Promise<[Socket, Socket][]> {
  const numbers = Array.from({ length: count }, (_, n) => n)
  const first = await open(
    server,
    numbers.map((n) => `/connection/a/b/${n}`),
  )
  const second = await open(
    server,
    numbers.map((n) => `/connection/b/a/${n}`),
  )
  return numbers.map((n) => [first[n]!, second[n]!])
}

/**
 * Resolves when the server has taken what it takes: nothing has changed for a while.
 * @param look - gets what the server says of itself again and again
 */
export async function settled(
  server: ServerProcess,
  look: (stats: Stats) => void = () => {},
): Promise<void> {
  let last = ''
  let same = 0
  await eventually(
    async () => {
      const { stats } = await server.report()
      look(stats)
      const now = JSON.stringify([stats.bufferedBytes, stats.pipedBytes])
      same = now === last ? same + 1 : 0
      last = now
      return same >= 30
    },
    'rest',
    30_000,
  )
}

export const inMegabytes = (bytes: number) => Math.round(bytes / megabyte)
