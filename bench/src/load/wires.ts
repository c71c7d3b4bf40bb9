import { createServer } from 'node:net'
import { clientFrame, Opcode } from 'signal-test-kit'
import { clientFrameBytes, serverFrameBytes } from './frames.js'
import { LoadSocket, openSocket, type Target } from './load-socket.js'
import { redis } from './redis-wire.js'
import type { Wire } from './wire.js'

const binaryMessage = (payload: number) => clientFrame(Opcode.binary, Buffer.alloc(payload, 'm'))

const connectionPath = (protocol?: string): Wire => ({
  async open(target, own, other, key) {
    const socket = await openSocket(target, own < other ? target.port : target.farPort)
    await socket.upgrade(`/connection/${own}/${other}/${key}`, protocol)
    return socket
  },
  message: binaryMessage,
  arriving: serverFrameBytes,
})

const signal: Wire = {
  ...connectionPath('signal.v1'),
  paired: serverFrameBytes('{"type":"Paired"}'.length),
}

const peerjsMessage = (payload: number, own: string | undefined, other: string) =>
  JSON.stringify({ type: 'OFFER', src: own, dst: other, payload: 'm'.repeat(payload) })

/** Every message is JSON with a receiver; the server parses it, stamps the sender and packs it again. */
const peerjs: Wire = {
  async open(target, own) {
    const socket = await openSocket(target)
    await socket.upgrade(`/peerjs?key=peerjs&id=${own}&token=t`)
    await socket.arrival(serverFrameBytes('{"type":"OPEN"}'.length), 'the greeting')
    return socket
  },
  message: (payload, _own, other) =>
    clientFrame(Opcode.text, Buffer.from(peerjsMessage(payload, undefined, other))),
  arriving: (payload, own, other) => serverFrameBytes(peerjsMessage(payload, own, other).length),
}

/** No WebSocket at all: a line that names the pair, then bytes that arrive as they are. */
const splice: Wire = {
  async open(target, _own, _other, key) {
    const socket = await openSocket(target)
    socket.write(Buffer.from(`${key}\n`))
    return socket
  },
  message: binaryMessage,
  arriving: clientFrameBytes,
}

/** The far side of a contestant that only forwards: it connects back here, for each connection. */
class Backend {
  readonly #expected = new Map<string, (socket: LoadSocket) => void>()
  #listening: Promise<void> | undefined

  readonly #server = createServer((raw) => {
    const socket = new LoadSocket(raw)
    let line = ''
    raw.on('data', (bytes) => {
      if (line.endsWith('\n')) return socket.deliver(bytes.length, bytes)
      line += bytes.toString('latin1')
      if (line.endsWith('\n')) this.#expected.get(line.slice(0, -1))?.(socket)
    })
  })

  listen(port: number): Promise<void> {
    this.#listening ??= new Promise((resolve, reject) => {
      this.#server.once('error', reject).listen({ port, host: '127.0.0.1', backlog: 4096 }, resolve)
    })
    return this.#listening
  }

  /** Resolves with the connection whose first line is this key. */
  accept(key: string): Promise<LoadSocket> {
    return new Promise((resolve) => this.#expected.set(key, resolve))
  }
}

const backend = new Backend()

/** As the splice, but one end is a connection that the contestant makes to us. */
const forward: Wire = {
  ...splice,
  async open(target, own, other, key) {
    await backend.listen(target.backendPort)
    if (own < other) return splice.open(target, own, other, key)
    return backend.accept(key)
  },
}

/** The wire that each kind of target speaks. */
export const wires: Record<Target['wire'], Wire> = {
  signal,
  relay: connectionPath(),
  pipe: connectionPath(),
  peerjs,
  splice,
  forward,
  redis,
}
