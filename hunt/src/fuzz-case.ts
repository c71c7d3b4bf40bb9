import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { Random } from './random.js'
import { wildFrames } from './wild-frames.js'
import { wildHandshake, wildTarget } from './wild-requests.js'

const longest = 3_000

/**
 * One client that behaves badly: a request that may be spoilt, then frames that may be, in any
 * chunks, and an end of any kind. The same seed and number do the same again.
 */
export async function fuzzCase(port: number, seed: number, number: number): Promise<void> {
  const random = new Random(seed * 1_000_003 + number)
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => {})
  const closed = once(socket, 'close').catch(() => {})
  // some read nothing
  if (random.chance(0.9)) socket.resume()
  const late = setTimeout(() => socket.destroy(), longest)
  await Promise.race([once(socket, 'connect'), closed]).catch(() => {})

  const spoilt = random.chance(0.3)
  write(random, socket, wildHandshake(random, wildTarget(random), spoilt))
  for (let rounds = random.below(4); rounds > 0 && socket.writable; rounds--) {
    // let the server come to another state in between
    const answered = once(socket, 'data').catch(() => {})
    if (random.chance(0.5)) await Promise.race([answered, closed, pause(20)])
    write(
      random,
      socket,
      random.chance(0.1) ? random.bytes(random.length(3_000)) : wildFrames(random),
    )
  }
  await Promise.race([closed, pause(random.below(50))])
  const ending = random.below(3)
  if (ending === 0) socket.end()
  else if (ending === 1) socket.resetAndDestroy()
  else socket.destroy()
  await closed
  clearTimeout(late)
}

function write(random: Random, socket: Socket, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) {
    const size = random.chance(0.7) ? bytes.length : 1 + random.length(1_000)
    socket.write(bytes.subarray(at, at + size))
    at += size
  }
}

const pause = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds))
