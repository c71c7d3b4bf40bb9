import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { framesOf, Kind, notice, writeFrame, frameSize, type Frame } from '../../src/link/frames.js'
import { decodeHello, encodeHello, type LifeNonce } from '../../src/link/hello.js'
import { Pair } from './pair.js'

const folder = new URL('../../../../docs/links/', import.meta.url)
const read = <T>(name: string) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as T
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'))
const base64Url = (text: string) => Buffer.from(text, 'hex').toString('base64url')

/** Sessions and lives are in hexadecimal. */
interface HelloVector {
  what: string
  hello: string
  means: { session: string; to: string; life: string; peerLife?: string; next: number } | null
}

interface RecordVector {
  what: string
  record: string
  /** Null if the record is malformed. */
  frames: FrameVector[] | null
  /** It is read, but no end writes it so. */
  readOnly?: true
}

type FrameVector =
  | { kind: Exclude<keyof typeof Kind, 'notice'>; channel: number; payload: string }
  | { kind: 'notice'; values: number[] }

test.each(read<HelloVector[]>('hellos.json'))('hello: $what', ({ hello, means }) => {
  const decoded = decodeHello(hello)
  if (!means) return expect(decoded).toBeUndefined()
  const { session, to, life, peerLife, next } = means
  expect(decoded).toMatchObject({ session: base64Url(session), to: base64Url(to), next })
  expect(decoded!.life).toEqual(nonce(life))
  expect(decoded!.peerLife).toEqual(peerLife === undefined ? undefined : nonce(peerLife))
  const { version, flags } = decoded!
  // what this version writes is what it reads of a later one
  if (version === 1 && flags === 0) expect(encodeHello(decoded!)).toBe(hello)
})

test.each(read<RecordVector[]>('records.json'))('record: $what', ({ record, frames, readOnly }) => {
  if (!frames) return expect(() => [...framesOf(bytes(record))]).toThrow()
  expect([...framesOf(bytes(record))].map(vectorOf)).toEqual(frames)
  if (!readOnly) expect(hex(written(frames.map(frameOf)))).toBe(record)
})

test('conversations: every record of both ends is as it stands there', async () => {
  const played = conversations().map(({ what, play }) => {
    const { a, b, hellos, sent } = play()
    const sessions = { A: a.links.session, B: b.links.session }
    const records = sent.map(({ record, ...rest }) => ({ ...rest, record: hex(record) }))
    return { what, sessions, hellos, records }
  })
  const text = `${JSON.stringify(played, undefined, 2)}\n`
  await expect(text).toMatchFileSnapshot(fileURLToPath(new URL('conversations.json', folder)))
})

function conversations(): { what: string; play: () => Pair }[] {
  return [
    {
      what: 'two ends meet, exchange a text and bytes, and one closes the key',
      play() {
        const pair = new Pair(['k'])
        pair.run(100)
        pair.a.channels.get('k')!.send('Hello')
        pair.run(100)
        pair.b.channels.get('k')!.send(Uint8Array.of(1, 2, 3))
        pair.run(100)
        pair.a.links.leave('k')
        pair.run(100)
        return pair
      },
    },
    {
      what: 'a socket dies with a message on its way, which comes on the next one',
      play() {
        const pair = new Pair(['k'])
        pair.run(100)
        pair.a.channels.get('k')!.send('one')
        pair.run(5)
        pair.cut()
        pair.a.channels.get('k')!.send('two')
        pair.run(200)
        return pair
      },
    },
    {
      what: 'two keys on one socket; one is closed, and opened again',
      play() {
        const pair = new Pair(['k', 'l'])
        pair.run(100)
        pair.a.channels.get('l')!.send('before')
        pair.a.channels.get('l')!.close(1000, 'for now')
        pair.run(200)
        pair.b.channels.get('l')!.send('after')
        pair.run(100)
        return pair
      },
    },
    {
      what: 'a message of two frames',
      play() {
        const pair = new Pair(['k'])
        pair.run(100)
        pair.a.channels.get('k')!.send('x'.repeat(16_353))
        pair.run(100)
        return pair
      },
    },
    {
      what: 'silence is answered by a ping',
      play() {
        const pair = new Pair(['k'])
        pair.run(100)
        pair.a.links.probe()
        pair.run(100)
        return pair
      },
    },
    {
      what: 'one end goes away',
      play() {
        const pair = new Pair(['k'])
        pair.run(100)
        pair.b.links.close(1001)
        pair.run(100)
        return pair
      },
    },
  ]
}

function nonce(text: string): LifeNonce {
  return { count: Number.parseInt(text.slice(0, 8), 16), text: base64Url(text) }
}

function vectorOf({ channel, kind, payload }: Frame): FrameVector {
  if (kind === Kind.notice) return { kind: 'notice', values: varints(payload) }
  const name = Object.entries(Kind).find(([, value]) => value === kind)![0]
  return { kind: name as Exclude<keyof typeof Kind, 'notice'>, channel, payload: hex(payload) }
}

function frameOf(vector: FrameVector): Frame {
  if (vector.kind === 'notice') return notice(...vector.values)
  return { channel: vector.channel, kind: Kind[vector.kind], payload: bytes(vector.payload) }
}

function varints(payload: Uint8Array): number[] {
  const values: number[] = []
  let value = 0
  let factor = 1
  for (const byte of payload) {
    value += (byte & 127) * factor
    factor *= 128
    if (byte > 127) continue
    values.push(value)
    value = 0
    factor = 1
  }
  return values
}

function written(frames: readonly Frame[]): Uint8Array {
  const record = new Uint8Array(frames.reduce((size, frame) => size + frameSize(frame), 0))
  let at = 0
  for (const frame of frames) at = writeFrame(record, at, frame)
  return record
}
