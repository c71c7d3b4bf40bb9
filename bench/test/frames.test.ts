import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { clientFrame, Opcode } from 'signal-test-kit'
import {
  clientFrameBytes,
  clientHeader,
  FrameWalker,
  serverFrameBytes,
} from '../src/load/frames.js'

const sizes = [0, 1, 8, 125, 126, 127, 65_535, 65_536, 300_001]

describe('frames against a ws server', () => {
  let server: WebSocketServer
  let socket: Socket
  let peer: WebSocket

  beforeEach(async () => {
    server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    await once(server, 'listening')
    socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.write(
      'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    )
    const connected = once(server, 'connection')
    await once(socket, 'data')
    ;[peer] = (await connected) as [WebSocket]
  })

  afterEach(async () => {
    socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })

  for (const size of sizes) {
    it(`carry ${size} bytes to it, and are as large as counted`, async () => {
      const payload = randomBytes(size)
      const frame = clientFrame(Opcode.binary, payload)
      expect(frame.length).toBe(clientFrameBytes(size))
      const message = once(peer, 'message')
      socket.write(frame)
      const [data, isBinary] = (await message) as [Buffer, boolean]
      expect(isBinary).toBe(true)
      expect(data.equals(payload)).toBe(true)
    })

    it(`are seen with ${size} bytes from it, however they are cut`, async () => {
      const payload = randomBytes(size)
      const seen: { opcode: number; beginning: Buffer }[] = []
      const walker = new FrameWalker((opcode, beginning) => {
        seen.push({ opcode, beginning: Buffer.from(beginning) })
      }, 10)
      const bytes: Buffer[] = []
      const total = serverFrameBytes(size) + serverFrameBytes(3)
      const arrived = new Promise<void>((resolve) => {
        socket.on('data', (chunk: Buffer) => {
          bytes.push(chunk)
          if (bytes.reduce((sum, { length }) => sum + length, 0) >= total) resolve()
        })
      })
      peer.send(payload)
      peer.send('end')
      await arrived
      const all = Buffer.concat(bytes)
      expect(all.length).toBe(total)
      const step = Math.max(1, Math.floor(all.length / 50))
      for (let at = 0; at < all.length; at += step) walker.push(all.subarray(at, at + step))
      expect(seen).toEqual([
        { opcode: Opcode.binary, beginning: payload.subarray(0, 10) },
        { opcode: Opcode.text, beginning: Buffer.from('end') },
      ])
    })
  }

  it('arrive as one message where the header is written apart from a repeated payload', async () => {
    const mask = Buffer.from([1, 2, 3, 4])
    const message = once(peer, 'message')
    socket.write(clientHeader(Opcode.binary, 400_000, mask))
    for (let part = 0; part < 4; part++) socket.write(Buffer.alloc(100_000, mask))
    const [data] = (await message) as [Buffer]
    expect(data.equals(Buffer.alloc(400_000))).toBe(true)
  })

  it('that ping are answered', async () => {
    const walked = new Promise<number>((resolve) => {
      const walker = new FrameWalker(resolve)
      socket.on('data', (chunk: Buffer) => walker.push(chunk))
    })
    socket.write(clientFrame(Opcode.ping, Buffer.alloc(0)))
    expect(await walked).toBe(Opcode.pong)
  })
})
