import { clientClose, clientFrame, handshake } from 'signal-test-kit'
import { describe, expect, test } from 'vitest'
import type { RawSocket } from './harness/raw-socket.js'
import { Stage } from './harness/stage.js'

const closeOf = (...bytes: number[]) => clientFrame(8, Buffer.from(bytes))

/** What RFC 6455 forbids a client to send, and the close code for it. */
const forbidden: [string, Buffer, number][] = [
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, Buffer, number] => [
    `the reserved opcode ${opcode}`,
    clientFrame(opcode, 'x'),
    1002,
  ]),
  ...[1, 2, 4].map((rsv): [string, Buffer, number] => [
    `the reserved bits ${rsv.toString(2).padStart(3, '0')}`,
    clientFrame(1, 'x', { rsv }),
    1002,
  ]),
  ['a frame without a mask', clientFrame(1, 'x', { masked: false }), 1002],
  ['a ping of 126 bytes', clientFrame(9, Buffer.alloc(126)), 1002],
  ['a ping in fragments', clientFrame(9, 'x', { fin: false }), 1002],
  ['a close frame in fragments', clientFrame(8, '', { fin: false }), 1002],
  ['a close frame of one byte', closeOf(3), 1002],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map(
    (code): [string, Buffer, number] => [
      `close code ${code}`,
      closeOf(code >> 8, code & 255),
      1002,
    ],
  ),
  ['a close reason that is not UTF-8', closeOf(0x03, 0xe8, 0xff, 0xfe), 1007],
  ['a continuation of nothing', clientFrame(0, 'x'), 1002],
  [
    'a message within a message',
    Buffer.concat([clientFrame(1, 'x', { fin: false }), clientFrame(1, 'y')]),
    1002,
  ],
  ['a length of 2^63', clientFrame(2, '', { claimedLength: 2n ** 63n }), 1002],
]

async function pair(stage: Stage): Promise<[RawSocket, RawSocket]> {
  const headers = { 'Sec-WebSocket-Protocol': 'signal.v1' }
  const a = await stage.upgraded('/connection/alice/bob/k', { headers })
  const b = await stage.upgraded('/connection/bob/alice/k', { headers })
  for (const side of [a, b]) expect(await side.json()).toEqual({ type: 'Paired' })
  return [a, b]
}

describe.each(forbidden)('%s', (_what, bytes, code) => {
  test(`row 30: in a pipe: ${code} to its sender, 4410 to the other`, async () => {
    const stage = await Stage.open()
    const [a, b] = await pair(stage)
    a.write(Buffer.concat([clientFrame(1, 'before'), bytes, clientFrame(1, 'after')]))
    expect((await b.frame()).payload.toString()).toBe('before')
    expect(await a.closeCode()).toBe(code)
    expect(await b.closeCode()).toBe(4410)
    await a.ended
    for (const side of [a, b]) side.end()
    await Promise.all([a.closed, b.closed])
    expect(stage.outcomes()).toMatchObject({ protocol_error: 1 })
    await stage.expectQuiet()
  })

  test(`row 13: while it waits: ${code}`, async () => {
    const stage = await Stage.open()
    const raw = await stage.upgraded('/connection/alice/bob/k')
    raw.write(bytes)
    expect(await raw.closeCode()).toBe(code)
    await raw.ended
    raw.end()
    await raw.closed
    await stage.expectQuiet()
  })

  test('row 13: right behind the request, before the 101: survived', async () => {
    const stage = await Stage.open()
    const raw = await stage.upgraded('/connection/alice/bob/k', {
      headers: { 'Sec-WebSocket-Protocol': 'signal.v1' },
    })
    const other = await stage.raw()
    other.write(Buffer.concat([Buffer.from(handshake('/connection/bob/alice/k')), bytes]))
    expect((await other.response()).status).toBe(101)
    expect(await other.closeCode()).toBe(code)
    expect(await raw.closeCode()).toBe(4410)
    for (const side of [raw, other]) side.reset()
    await stage.expectQuiet()
  })

  test('row 13: after its close frame: ignored', async () => {
    const stage = await Stage.open()
    const [a, b] = await pair(stage)
    a.write(Buffer.concat([clientClose(1000), bytes]))
    expect(await b.closeCode()).toBe(1000)
    b.write(clientClose(1000))
    expect(await a.closeCode()).toBe(1000)
    for (const side of [a, b]) side.end()
    await Promise.all([a.closed, b.closed])
    await stage.expectQuiet()
  })

  test('row 13: instead of the answer to a close frame: survived', async () => {
    const stage = await Stage.open()
    const [a, b] = await pair(stage)
    a.write(clientClose(4001))
    expect(await b.closeCode()).toBe(4001)
    b.write(bytes)
    await b.ended
    expect(await a.closeCode()).toBe(4410)
    for (const side of [a, b]) side.end()
    await Promise.all([a.closed, b.closed])
    await stage.expectQuiet()
  })
})

test('row 13: bad UTF-8 in a text is for its receiver to refuse, and passes', async () => {
  const stage = await Stage.open()
  const [a, b] = await pair(stage)
  a.write(clientFrame(1, Buffer.from([0xff, 0xfe])))
  expect((await b.frame()).payload).toEqual(Buffer.from([0xff, 0xfe]))
  a.write(clientClose(1000))
  b.write(clientClose(1000))
  for (const side of [a, b]) side.end()
  await stage.expectQuiet()
})
