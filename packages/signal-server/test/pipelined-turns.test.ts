import { once } from 'node:events'
import { connect } from 'node:net'
import { SignalServer } from 'signal-server'
import { expect, onTestFinished, test } from 'vitest'
import { within } from './harness/arrivals.js'
import { Turns } from './harness/turns.js'

const connections = 40
const request = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

test('row 49: connections of 1,700 pipelined requests leave the event loop to others when they end', async ({
  annotate,
}) => {
  const server = new SignalServer()
  onTestFinished(() => server.close())
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
  /** The longest turn while all connections send so many requests and are ended. */
  const longest = async (requests: number): Promise<number> => {
    const sockets = Array.from({ length: connections }, () => connect(port, '127.0.0.1'))
    const ends = sockets.map(async (socket) => {
      onTestFinished(() => void socket.destroy())
      socket.on('error', () => {})
      await once(socket, 'close')
    })
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
    const turns = new Turns()
    for (const socket of sockets) socket.resume().write(request.repeat(requests))
    await within(Promise.all(ends), 'their ends')
    return turns.stop()[0]!
  }
  /** The least of some rounds: not what else the runtime does in one of them. */
  const leastOf = async (requests: number): Promise<number> => {
    let least = Infinity
    for (let n = 0; n < 4; n++) least = Math.min(least, await longest(requests))
    return least
  }
  const [few, many] = [await leastOf(17), await leastOf(1_700)]
  await annotate(`17 requests: ${few.toFixed(0)} ms of CPU; 1,700: ${many.toFixed(0)} ms`)
  // a hundred times as much to parse, and nothing else for each of them
  expect(many).toBeLessThan(9 * few)
})
