import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import type { Random } from './random.js'

const rooms = 40
const longest = 20_000

/** What came of a pair of clients. */
export interface Tally {
  pairs: number
  bytes: number
  introductions: number
}

/**
 * Two clients that live a while: they join, are introduced, connect, exchange messages that each
 * checks to the byte, and end: politely, abruptly, or after one has stopped reading.
 * @throws Error where something is lost, changed, or from somebody else
 */
export async function churn(
  port: number,
  name: string,
  random: Random,
  tally: Tally,
): Promise<void> {
  const base = `ws://127.0.0.1:${port}`
  const key = `room ${random.below(rooms)} ${name}`
  const [a, b] = [`${name}-a`, `${name}-b`]
  const v1 = random.chance(0.5) ? ['signal.v1'] : []
  const [first, second] = await Promise.all([
    introduced(`${base}/introduction/${a}`, v1, key, b),
    introduced(`${base}/introduction/${b}`, ['signal.v1'], key, a),
  ])
  tally.introductions += 2
  const path = (from: string, to: string) =>
    `${base}/connection/${from}/${to}/${encodeURIComponent(key)}`
  const left = new WebSocket(path(a, b))
  const right = new WebSocket(path(b, a))
  const sockets = [first, second, left, right]
  for (const socket of sockets) socket.on('error', () => {})
  try {
    const messages = Array.from({ length: 1 + random.below(30) }, () =>
      random.chance(0.05) ? random.bytes(200_000) : random.bytes(random.length(20_000)),
    )
    const arrived = collect(right, messages.length)
    if (left.readyState !== WebSocket.OPEN) await once(left, 'open', soon())
    for (const message of messages) left.send(message)
    if (random.chance(0.1)) {
      // a reader that stops for a while is not given up
      if (right.readyState !== WebSocket.OPEN) await once(right, 'open', soon())
      right.pause()
      await new Promise((resolve) => setTimeout(resolve, random.below(1_000)))
      right.resume()
    }
    if ((await arrived) !== digest(messages)) throw new Error(`${name}: not what was sent`)
    tally.pairs++
    tally.bytes += messages.reduce((sum, { length }) => sum + length, 0)
  } finally {
    for (const socket of sockets) {
      if (random.chance(0.5)) socket.terminate()
      else socket.close()
    }
    await Promise.all(sockets.map(closed))
  }
}

async function introduced(
  url: string,
  protocols: string[],
  key: string,
  other: string,
): Promise<WebSocket> {
  const socket = new WebSocket(url, protocols)
  await once(socket, 'open', soon())
  const met = new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${url}: no introduction`)), longest)
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as { type: string; id?: string }
      if (message.type !== 'Introduction' || message.id !== other) return
      clearTimeout(late)
      resolve()
    })
  })
  socket.send(JSON.stringify({ type: 'Join', join: [key] }))
  await met
  return socket
}

/** The digest of so many messages, once they have come. */
function collect(socket: WebSocket, count: number): Promise<string> {
  const messages: Buffer[] = []
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      reject(new Error(`${socket.url}: ${messages.length} of ${count} messages came`))
    }, longest)
    socket.on('message', (data: Buffer) => {
      messages.push(data)
      if (messages.length < count) return
      clearTimeout(late)
      resolve(digest(messages))
    })
  })
}

function digest(messages: Buffer[]): string {
  const hash = createHash('sha1')
  for (const message of messages) hash.update(`${message.length}:`).update(message)
  return hash.digest('hex')
}

async function closed(socket: WebSocket): Promise<void> {
  if (socket.readyState !== WebSocket.CLOSED) await once(socket, 'close', soon())
}

const soon = () => ({ signal: AbortSignal.timeout(longest) })
