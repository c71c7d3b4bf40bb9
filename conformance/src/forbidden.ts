import { clientClose, clientFrame, Opcode } from 'signal-test-kit'

/** Frames that RFC 6455 forbids, each as the bytes of a client; ended by what it says itself. */
export const forbidden: Readonly<Record<string, Buffer>> = {
  'RSV1 without an extension': clientFrame(Opcode.text, 'x', { rsv: 4 }),
  RSV2: clientFrame(Opcode.text, 'x', { rsv: 2 }),
  RSV3: clientFrame(Opcode.text, 'x', { rsv: 1 }),
  'RSV1 on a ping': clientFrame(Opcode.ping, 'x', { rsv: 4 }),
  'the reserved opcode 3': clientFrame(3, 'x'),
  'the reserved opcode 7': clientFrame(7, 'x'),
  'the reserved opcode 11': clientFrame(11, 'x'),
  'the reserved opcode 15': clientFrame(15, 'x'),
  'no mask': clientFrame(Opcode.text, 'x', { masked: false }),
  'no mask on a ping': clientFrame(Opcode.ping, 'x', { masked: false }),
  'no mask on a close': clientFrame(Opcode.close, '', { masked: false }),
  'a fragmented ping': clientFrame(Opcode.ping, 'x', { fin: false }),
  'a fragmented close': clientFrame(Opcode.close, '', { fin: false }),
  'a ping of 126 bytes': clientFrame(Opcode.ping, 'x'.repeat(126)),
  'a pong of 65,536 bytes': clientFrame(Opcode.pong, 'x'.repeat(65_536)),
  'a close of 126 bytes': clientClose(1000, 'x'.repeat(124)),
  'a continuation of nothing': clientFrame(Opcode.continuation, 'x'),
  'a message inside of another': Buffer.concat([
    clientFrame(Opcode.text, 'x', { fin: false }),
    clientFrame(Opcode.text, 'y'),
  ]),
  'a close of one byte': clientFrame(Opcode.close, 'x'),
  ...Object.fromEntries(
    [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map((code) => [
      `the close code ${code}`,
      clientClose(code),
    ]),
  ),
}

/** Wrong lengths, which a session may find too long before it finds them wrong. */
export const lengths: Readonly<Record<string, Buffer>> = {
  'a 64-bit length with its top bit set': clientFrame(Opcode.binary, 'x', {
    claimedLength: 0x8000_0000_0000_0001n,
    lengthBits: 64,
  }),
  'a length of 125 in 16 bits': clientFrame(Opcode.text, 'x'.repeat(125), { lengthBits: 16 }),
  'a length of 65,535 in 64 bits': clientFrame(Opcode.text, 'x'.repeat(65_535), { lengthBits: 64 }),
}

/** A close whose reason is not UTF-8. */
export const badReason = clientClose(1000, Buffer.from([0x66, 0xff, 0xfe]))
