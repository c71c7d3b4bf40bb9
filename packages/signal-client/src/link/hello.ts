/**
 * What an end says of itself when it dials: which life of a link it is in, and what it knows of the
 * peer's. Integers are big-endian.
 */
export interface Hello {
  /** The version of the protocol that the end speaks; the lower of the two counts. */
  readonly version: number
  /** Bit 0: sealed. Others are ignored. */
  readonly flags: number
  /** The session of the end. */
  readonly session: string
  /** The session of the peer that is meant. */
  readonly to: string
  /** The life of the end. */
  readonly life: LifeNonce
  /** The life of the peer, as far as it is known. */
  readonly peerLife: LifeNonce | undefined
  /** The next number that is expected from the peer. */
  readonly next: number
}

/** Tells the lives of a link apart. */
export interface LifeNonce {
  /** Counts the lives of all links of one client, upwards from 1. */
  readonly count: number
  /** 12 bytes as base64url: the count (4 bytes), and 8 random bytes. */
  readonly text: string
}

const VERSION = 1
const size = 48
const [sessionAt, toAt, lifeAt, peerLifeAt, nextAt] = [2, 10, 18, 30, 42] as const
const nonceBytes = 12

/** 8 random bytes as the name of a session. */
export const sessionName = (random: Uint8Array): string => toBase64Url(random.subarray(0, 8))

/** @param random - 8 bytes */
export function lifeNonce(count: number, random: Uint8Array): LifeNonce {
  const bytes = new Uint8Array(nonceBytes)
  new DataView(bytes.buffer).setUint32(0, count)
  bytes.set(random.subarray(0, 8), 4)
  return { count, text: toBase64Url(bytes) }
}

/** @returns base64url, as it stands in a subprotocol */
export function encodeHello(hello: Omit<Hello, 'version' | 'flags'>): string {
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  bytes[0] = VERSION
  bytes.set(fromBase64Url(hello.session)!, sessionAt)
  bytes.set(fromBase64Url(hello.to)!, toAt)
  bytes.set(fromBase64Url(hello.life.text)!, lifeAt)
  if (hello.peerLife) bytes.set(fromBase64Url(hello.peerLife.text)!, peerLifeAt)
  view.setUint16(nextAt, Math.floor(hello.next / 2 ** 32))
  view.setUint32(nextAt + 2, hello.next % 2 ** 32)
  return toBase64Url(bytes)
}

/** @returns undefined if it is malformed, or of a version that has no such hello */
export function decodeHello(text: string): Hello | undefined {
  const bytes = fromBase64Url(text)
  if (!bytes || bytes.length < size || bytes[0]! < VERSION) return undefined
  const view = new DataView(bytes.buffer)
  const life = nonceAt(bytes, lifeAt)
  if (!life) return undefined
  return {
    version: bytes[0]!,
    flags: bytes[1]!,
    session: toBase64Url(bytes.subarray(sessionAt, toAt)),
    to: toBase64Url(bytes.subarray(toAt, lifeAt)),
    life,
    peerLife: nonceAt(bytes, peerLifeAt),
    next: view.getUint16(nextAt) * 2 ** 32 + view.getUint32(nextAt + 2),
  }
}

/** @returns undefined for zeros */
function nonceAt(bytes: Uint8Array, at: number): LifeNonce | undefined {
  const nonce = bytes.subarray(at, at + nonceBytes)
  if (nonce.every((byte) => byte === 0)) return undefined
  const count = new DataView(nonce.buffer, nonce.byteOffset).getUint32(0)
  return { count, text: toBase64Url(nonce) }
}

function toBase64Url(bytes: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...bytes))
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** @returns undefined if it is no base64url */
function fromBase64Url(text: string): Uint8Array | undefined {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) return undefined
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}
