import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Channel } from '../../src/link/channel.js'
import type { Dialled, Outside } from '../../src/link/host.js'
import { Links } from '../../src/link/links.js'
import { decodeHello, decodeRecord, encodeHello, encodeRecord } from './independent/decoder.js'
import { MinimalEnd } from './independent/minimal-end.js'
import { Clock } from './model/clock.js'
import { Random } from './model/random.js'

// `independent/` was written from docs/PROTOCOL.md alone, by somebody who had not seen this code

interface Conversation {
  hellos: { A: string; B: string }[]
  records: { record: string }[]
}

const folder = new URL('../../../../docs/links/', import.meta.url)
const read = <T>(name: string) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as T
const theirs = '1122334455667788'
const base64Url = (hex: string) => Buffer.from(hex, 'hex').toString('base64url')
const hex = (base64: string) => Buffer.from(base64, 'base64url').toString('hex')

/** Our machine and an independent end, with a transport between them that can be cut. */
class Meeting {
  readonly clock = new Clock()
  readonly channels = new Map<string, Channel>()
  readonly messages: string[] = []
  readonly endings: string[] = []
  readonly failures: string[] = []
  readonly links: Links
  readonly end: MinimalEnd
  #dialled: Dialled | undefined
  readonly #random = new Random(5)

  constructor(keys: readonly string[]) {
    const { clock } = this
    const outside: Outside = {
      now: () => clock.now,
      after: (milliseconds, run) => clock.after(milliseconds, run),
      soon: (run) => clock.soon(run),
      random: () => this.#random.next(),
      randomBytes: (count) => Uint8Array.from({ length: count }, () => this.#random.below(256)),
      isSlow: () => false,
      dial: (_id, _key, hello, dialled) => this.#dial(hello, dialled),
    }
    this.links = new Links({}, outside, {
      opened: (channel) => this.channels.set(channel.key, channel),
      message: (channel, data, cost) => {
        this.messages.push(`${channel.key} ${textOf(data)}`)
        channel.consumed(cost)
      },
      closed: (channel, { why }) => this.endings.push(`${channel.key} ${why}`),
      raw: () => {
        throw new Error('There are no raw pipes.')
      },
      failed: (_id, code, sentence) => this.failures.push(`${code}: ${sentence}`),
    })
    for (const key of keys) this.links.join(key)
    this.links.welcome()
    const life = `00000001${'ab'.repeat(8)}`
    this.end = new MinimalEnd(theirs, hex(this.links.session), life, [...keys])
    this.links.introduced('them', keys, base64Url(theirs))
  }

  /** What the independent end sends goes over the transport. */
  carry(records: readonly Uint8Array[]): void {
    const dialled = this.#dialled
    for (const record of records) {
      this.clock.after(5, () => {
        if (dialled === this.#dialled) dialled?.received(record)
      })
    }
  }

  cut(): void {
    const dialled = this.#dialled
    this.#dialled = undefined
    this.end.ended()
    dialled?.ended(1006)
  }

  run(milliseconds: number): void {
    this.clock.runUntil(this.clock.now + milliseconds)
  }

  #dial(hello: string, dialled: Dialled) {
    this.clock.after(5, () => {
      this.#dialled = dialled
      dialled.paired(this.end.hello())
      this.carry(this.end.paired(hello))
    })
    return {
      send: (record: Uint8Array) => {
        this.clock.after(5, () => {
          if (this.#dialled === dialled) this.carry(this.end.received(record))
        })
      },
      close: () => {
        // what was sent before it still arrives
        this.clock.after(5, () => {
          if (this.#dialled !== dialled) return
          this.#dialled = undefined
          this.end.ended()
        })
      },
    }
  }
}

const textOf = (data: string | Uint8Array) =>
  typeof data === 'string' ? data : Buffer.from(data).toString()

test('the two meet, open their keys, and exchange texts, bytes and large messages', () => {
  const meeting = new Meeting(['k', 'l'])
  meeting.run(100)
  expect([...meeting.channels.keys()].toSorted()).toEqual(['k', 'l'])
  expect(meeting.end.open.toSorted()).toEqual(['k', 'l'])
  const large = 'x'.repeat(300_000)
  meeting.channels.get('k')!.send('to them')
  meeting.channels.get('l')!.send(new TextEncoder().encode(large))
  meeting.carry(meeting.end.send('k', 'to us'))
  meeting.carry(meeting.end.send('l', large))
  meeting.run(2_000)
  expect(meeting.messages.toSorted()).toEqual(['k to us', `l ${large}`])
  const heard = meeting.end.messages.map(({ key, data }) => `${key} ${textOf(data)}`)
  expect(heard.toSorted()).toEqual(['k to them', `l ${large}`])
  expect([meeting.failures, meeting.end.trouble]).toEqual([[], undefined])
})

test('200 deaths of the transport: nothing is lost, doubled or reordered', () => {
  const meeting = new Meeting(['k'])
  const random = new Random(9)
  meeting.run(100)
  let [there, back] = [0, 0]
  for (let round = 0; round < 200; round++) {
    for (let n = 0; n < random.below(5); n++) {
      meeting.channels.get('k')!.send(String(there++).padEnd(random.chance(0.1) ? 40_000 : 5))
      meeting.carry(meeting.end.send('k', String(back++)))
      meeting.run(random.between(0, 12))
    }
    meeting.cut()
    meeting.run(random.between(0, 30))
  }
  meeting.run(5_000)
  expect(meeting.end.messages.map(({ data }) => Number(textOf(data)))).toEqual(
    Array.from({ length: there }, (_, n) => n),
  )
  expect(meeting.messages).toEqual(Array.from({ length: back }, (_, n) => `k ${n}`))
  expect([meeting.endings, meeting.failures, meeting.end.trouble]).toEqual([[], [], undefined])
  expect(meeting.channels.get('k')!.bufferedAmount).toBe(0)
  expect(meeting.end.unacknowledged).toBe(0)
})

test('either closes a key, and it is opened again', () => {
  const meeting = new Meeting(['k', 'l'])
  meeting.run(100)
  meeting.channels.get('k')!.close()
  meeting.run(100)
  expect(meeting.endings).toEqual(['k closed'])
  meeting.carry(meeting.end.close('l'))
  meeting.run(100)
  expect(meeting.endings).toEqual(['k closed', 'l left'])
  meeting.carry(meeting.end.send('l', 'again'))
  meeting.run(100)
  expect(meeting.messages).toEqual(['l again'])
  expect([meeting.failures, meeting.end.trouble]).toEqual([[], undefined])
})

test('either closes the link', () => {
  const one = new Meeting(['k'])
  one.run(100)
  one.links.close()
  one.run(20)
  expect(one.end.isOver).toBe(true)
  const other = new Meeting(['k'])
  other.run(100)
  other.carry(other.end.closeLink())
  other.run(20)
  expect(other.endings).toEqual(['k left'])
})

test('hellos and records of conversations mean the same to both', () => {
  const conversations = read<Conversation[]>('conversations.json')
  for (const { hellos, records } of conversations) {
    for (const hello of hellos.flatMap(({ A, B }) => [A, B])) {
      expect(encodeHello(decodeHello(hello)!)).toBe(hello)
    }
    for (const { record } of records) {
      const bytes = Uint8Array.from(Buffer.from(record, 'hex'))
      expect(Buffer.from(encodeRecord(decodeRecord(bytes))).toString('hex')).toBe(record)
    }
  }
})
