export { clientClose, clientFrame, Opcode, type Frame, type FrameFlaws } from './frames.js'
export { FrameReader } from './frame-reader.js'
export { handshake, HANDSHAKE_KEY, type HandshakeFlaws } from './handshake.js'
export { WireReader, type RawResponse, type WireEvents } from './wire-reader.js'
