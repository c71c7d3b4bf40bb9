import { Packr } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import { v4 } from '../src/introduction/dialects/v4.js'
import { BadMessage } from '../src/introduction/dialects/dialect.js'
import type { Client, Fields } from './harness/client.js'
import { Stage } from './harness/stage.js'

const packr = new Packr({ useRecords: false })
const documents = (type: string, documentIds?: string[]) => ({ type, documentIds })

/** How the clients of a generation join and leave, and what they read in an Introduction. */
interface Speaker {
  protocols: string[]
  join(keys: string[]): string | Buffer
  leave(keys: string[]): string | Buffer
  read(message: { bytes: Buffer; binary: boolean }): { id: unknown; keys: unknown }
}

function textFields({ bytes, binary }: { bytes: Buffer; binary: boolean }): Fields {
  expect(binary).toBe(false)
  return JSON.parse(bytes.toString()) as Fields
}

const speakers: Record<string, Speaker> = {
  v0: {
    protocols: [],
    join: (join) => JSON.stringify({ type: 'Join', join }),
    leave: (leave) => JSON.stringify({ type: 'Leave', leave }),
    read(message) {
      const fields = textFields(message)
      expect(Object.keys(fields).sort()).toEqual(['id', 'keys', 'type'])
      return { id: fields.id, keys: fields.keys }
    },
  },
  v3: {
    protocols: [],
    join: (keys) => JSON.stringify(documents('Join', keys)),
    leave: (keys) => JSON.stringify(documents('Leave', keys)),
    read(message) {
      const fields = textFields(message)
      expect(Object.keys(fields).sort()).toEqual(['documentIds', 'type', 'userName'])
      return { id: fields.userName, keys: fields.documentIds }
    },
  },
  v4: {
    protocols: [],
    join: (keys) => packr.pack(documents('Join', keys)),
    leave: (keys) => packr.pack(documents('Leave', keys)),
    read({ bytes, binary }) {
      expect(binary).toBe(true)
      const fields = packr.unpack(bytes) as Fields
      expect(Object.keys(fields).sort()).toEqual(['documentIds', 'peerId', 'type'])
      return { id: fields.peerId, keys: fields.documentIds }
    },
  },
  'signal.v1': {
    protocols: ['signal.v1'],
    join: (join) => JSON.stringify({ type: 'Join', join }),
    leave: (leave) => JSON.stringify({ type: 'Leave', leave }),
    read(message) {
      const { id, keys } = textFields(message)
      return { id, keys }
    },
  },
}
const generations = Object.keys(speakers)
const older = generations.slice(0, 3)

/** A client of a generation, connected; `signal.v1` past its Welcome. */
async function arrive(stage: Stage, generation: string, id = generation): Promise<Client> {
  const client = await stage.client(`/introduction/${id}`, speakers[generation]!.protocols)
  if (generation === 'signal.v1') await client.next('Welcome')
  return client
}

describe('clients of all generations', () => {
  test('meet in one room, each in its own words', async () => {
    const stage = await Stage.open()
    const clients = new Map<string, Client>()
    for (const generation of generations) {
      const client = await arrive(stage, generation)
      client.send(speakers[generation]!.join(['room', `only ${generation}`]))
      await client.settled()
      clients.set(generation, client)
    }
    for (const [generation, client] of clients) {
      await client.settled()
      const read = client.messages.take().map((message) => speakers[generation]!.read(message))
      const others = generations.filter((other) => other !== generation)
      expect(new Set(read.map(({ id }) => id))).toEqual(new Set(others))
      for (const { keys } of read) expect(keys).toEqual(['room'])
      expect(read).toHaveLength(3)
    }
  })

  test.each(generations)('a %s client leaves, and is introduced no more', async (generation) => {
    const stage = await Stage.open()
    const watcher = await stage.v1('watcher', 'k', 'other')
    const client = await arrive(stage, generation)
    client.send(speakers[generation]!.join(['k', 'other']))
    expect(await watcher.next('Introduction')).toMatchObject({ keys: ['k', 'other'] })
    client.send(speakers[generation]!.leave(['k', 'never joined']))
    expect(await watcher.next('Departure')).toEqual({
      type: 'Departure',
      id: generation,
      keys: ['k'],
    })
    const newcomer = await stage.v1('newcomer', 'k', 'other')
    await newcomer.settled()
    const told = newcomer.messages.take().map(({ text }) => JSON.parse(text) as Fields)
    expect(told).toContainEqual({ type: 'Introduction', id: generation, keys: ['other'] })
  })

  test.each(generations)(
    'a %s client is introduced again when it joins again',
    async (generation) => {
      const stage = await Stage.open()
      await stage.v1('bob', 'k')
      const client = await arrive(stage, generation)
      for (let n = 0; n < 3; n++) {
        client.send(speakers[generation]!.join(['k']))
        const { id, keys } = speakers[generation]!.read(await client.messages.next())
        expect({ id, keys }).toEqual({ id: 'bob', keys: ['k'] })
      }
    },
  )
})

describe.each(older)('a %s client', (generation) => {
  const speaker = speakers[generation]!

  test('is sent nothing before it shows its dialect', async () => {
    const stage = await Stage.open()
    const client = await arrive(stage, generation, 'quiet')
    await stage.v1('bob', 'k')
    await client.settled()
    expect(client.seen).toEqual([])
    client.send(speaker.join(['k']))
    expect(speaker.read(await client.messages.next())).toEqual({ id: 'bob', keys: ['k'] })
  })

  test('is sent nothing but Introductions, whatever it does and others do', async () => {
    const stage = await Stage.open({ maxKeysPerPeer: 2, maxPeersPerKey: 2 })
    await stage.v1('one', 'full')
    await stage.v1('two', 'full')
    const client = await arrive(stage, generation)
    client.send(speaker.join(['k']))
    client.send(speaker.join(['full']))
    client.send(speaker.join(['a', 'b', 'c']))
    client.send(speaker.join(['x'.repeat(300)]))
    client.send(generation === 'v4' ? Buffer.from([0xc0]) : 'nonsense')
    const bob = await stage.v1('bob', 'k')
    bob.send({ type: 'Announce', info: 'new' })
    bob.send({ type: 'Signal', to: generation, signal: 1 })
    expect(await bob.next('Error')).toMatchObject({ code: 'not_supported', id: generation })
    bob.send({ type: 'Leave', leave: ['k'] })
    await bob.settled()
    await client.settled()
    expect(client.messages.take().map((message) => speaker.read(message))).toEqual([
      { id: 'bob', keys: ['k'] },
    ])
  })
})

describe('the dialect of a client', () => {
  test.each([
    ['v3', '{"type":"Join","documentIds":["k"]}'],
    ['v3', '{"type":"Join","documentIds":["k"],"join":["other"]}'],
    ['v0', '{"join":["k"]}'],
    ['v0', '{"type":"Hello","join":["k"]}'],
    ['v0', '{"type":null,"join":["k"],"leave":[]}'],
    ['v0', '{"leave":["other"],"join":["k"]}'],
    ['v4', packr.pack({ type: 'Join', documentIds: ['k'] })],
    ['v4', packr.pack({ documentIds: ['k'], more: [null, 1.5], type: 'Join' })],
  ])('is %s after %s', async (generation, first) => {
    const stage = await Stage.open()
    const client = await stage.client('/introduction/client')
    client.send(first)
    await stage.v1('bob', 'k')
    const { id } = speakers[generation]!.read(await client.messages.next())
    expect(id).toBe('bob')
  })

  test('waits for the next message after a Heartbeat that two generations have', async () => {
    const stage = await Stage.open()
    await stage.v1('bob', 'k')
    const client = await stage.client('/introduction/client')
    client.send({ type: 'Heartbeat' })
    await client.settled()
    client.send(speakers.v3!.join(['k']))
    expect(speakers.v3!.read(await client.messages.next())).toMatchObject({ id: 'bob' })
    client.send({ type: 'Heartbeat' })
    await client.settled()
    expect(stage.outcomes().bad_message).toBe(0)
  })

  test.each(['Heartbeat', '❤️'])('is v4 after a binary %s', async (type) => {
    const stage = await Stage.open()
    await stage.v1('bob', 'k')
    const client = await stage.client('/introduction/client')
    client.send(packr.pack({ type }))
    client.send(speakers.v4!.join(['k']))
    expect(speakers.v4!.read(await client.messages.next())).toMatchObject({ id: 'bob' })
    expect(stage.outcomes().bad_message).toBe(0)
  })

  test('is not known after a bad message', async () => {
    const stage = await Stage.open()
    await stage.v1('bob', 'k')
    const client = await stage.client('/introduction/client')
    client.send('{"join":"k"}')
    client.send(Buffer.from('nonsense'))
    client.send(speakers.v4!.join(['k']))
    expect(speakers.v4!.read(await client.messages.next())).toMatchObject({ id: 'bob' })
  })

  test('is signal.v1 where it offers that, whatever it sends', async () => {
    const stage = await Stage.open()
    await stage.v1('bob', 'k')
    const client = await stage.client('/introduction/client', ['signal.v1'])
    client.send({ type: 'Join', documentIds: ['k'] })
    expect(await client.next('Error')).toMatchObject({ code: 'bad_message' })
    client.send({ join: ['k'] })
    expect(await client.next('Error')).toMatchObject({ code: 'bad_message' })
  })

  test.each([
    ['v4', speakers.v4!.join(['k']), speakers.v3!.join(['other'])],
    ['v3', speakers.v3!.join(['k']), speakers.v4!.join(['other'])],
    ['v0', speakers.v0!.join(['k']), speakers.v4!.join(['other'])],
  ])('does not change its type of data: %s', async (_generation, first, second) => {
    const stage = await Stage.open()
    const client = await stage.client('/introduction/client')
    client.send(first)
    client.send(second)
    expect((await client.closed).code).toBe(1003)
  })

  test('may be another one for each session of one peer', async () => {
    const stage = await Stage.open()
    const client = await stage.client('/introduction/same')
    client.send(speakers.v4!.join(['old']))
    await client.settled()
    const newer = await stage.v1('same', 'new')
    await stage.v1('bob', 'old', 'new')
    expect(speakers.v4!.read(await client.messages.next())).toEqual({ id: 'bob', keys: ['old'] })
    expect(await newer.next('Introduction')).toMatchObject({ id: 'bob', keys: ['new'] })
  })
})

describe('row 11: MessagePack that is none, or a trap', () => {
  const nested = (byte: number, count: number) => Buffer.alloc(count, byte)
  const traps: [string, Buffer][] = [
    ['nothing', Buffer.alloc(0)],
    ['nil', Buffer.from([0xc0])],
    ['a byte that is never used', Buffer.from([0xc1])],
    ['true', Buffer.from([0xc3])],
    ['a number', Buffer.from([0x07])],
    ['a text', packr.pack('Join')],
    ['a list', packr.pack(['Join', ['k']])],
    ['bytes', packr.pack(Buffer.from('Join'))],
    ['a map that ends too early', Buffer.from([0x82, 0xa4, 0x74])],
    ['two values', Buffer.concat([packr.pack(documents('Join', ['k'])), Buffer.from([0xc0])])],
    ['a list of 4,294,967,295', Buffer.from('ddffffffff', 'hex')],
    ['a list of 33,554,431', Buffer.from('dd01ffffff', 'hex')],
    ['a map of 4,294,967,295', Buffer.from('dfffffffff', 'hex')],
    ['a text of 4,294,967,295', Buffer.from('dbffffffff', 'hex')],
    ['bytes of 4,294,967,295', Buffer.from('c6ffffffff', 'hex')],
    ['an extension of 4,294,967,295', Buffer.from('c9ffffffff72', 'hex')],
    ['lists in lists, 500,000 deep', nested(0x91, 500_000)],
    ['maps in maps, 500,000 deep', nested(0x81, 500_000)],
    [
      'large lists in large lists',
      Buffer.concat(Array<Buffer>(170_000).fill(Buffer.from('dcffff', 'hex'))),
    ],
    ['a time', Buffer.from('d6ff00000000', 'hex')],
    ['a time that is none', Buffer.from('c703ff000000', 'hex')],
    ['a regular expression', Buffer.from('d4780092a428612b29a167', 'hex')],
    ['an error', Buffer.from('d46500 93 a5 4572726f72 a178 c0'.replaceAll(' ', ''), 'hex')],
    ['a definition of a record', Buffer.from('d4724091a474797065a44a6f696e', 'hex')],
    ['a record that was not defined', Buffer.from([0x40])],
    ['a reference to itself', Buffer.from('d6690000000191d67000000001', 'hex')],
    ['a set', Buffer.from('d4730091a16b', 'hex')],
    ['an array of numbers', Buffer.from('d57406ff', 'hex')],
    ['bundled strings', Buffer.from('d66200000005a16b', 'hex')],
    [
      'a large integer',
      Buffer.concat([
        Buffer.from('c9', 'hex'),
        Buffer.from('00030d40', 'hex'),
        Buffer.from([0x42]),
        Buffer.alloc(200_000, 0xff),
      ]),
    ],
    ['__proto__', packr.pack(new Map([['__proto__', { type: 'Join' }]]))],
  ]

  test.each(traps)('%s', async (_what, bytes) => {
    const stage = await Stage.open()
    const client = await stage.client('/introduction/client')
    const before = process.memoryUsage().rss
    const start = performance.now()
    client.send(bytes)
    await client.settled()
    expect(stage.outcomes().bad_message).toBe(1)
    expect(performance.now() - start).toBeLessThan(2_000)
    expect(process.memoryUsage().rss - before).toBeLessThan(150e6)
    client.send(speakers.v4!.join(['k']))
    await stage.v1('bob', 'k')
    expect(speakers.v4!.read(await client.messages.next())).toMatchObject({ id: 'bob' })
  })

  test.each(traps.filter(([what]) => what !== 'nothing'))(
    '%s in the place of a key',
    (_what, bytes) => {
      const message = Buffer.concat([
        Buffer.from([0x82]),
        packr.pack('type'),
        packr.pack('Join'),
        packr.pack('documentIds'),
        Buffer.from([0x91]),
        bytes,
      ])
      // a text is what a key should be
      if (_what === 'a text') expect(v4.decode(message)).toEqual([{ type: 'join', keys: ['Join'] }])
      else expect(() => v4.decode(message)).toThrow(BadMessage)
    },
  )

  test('nothing reaches a prototype', () => {
    const map = new Map<string, unknown>([
      ['__proto__', { polluted: true }],
      ['constructor', { prototype: { polluted: true } }],
      ['type', 'Join'],
      ['documentIds', ['k', '__proto__']],
    ])
    expect(v4.decode(packr.pack(map))).toEqual([{ type: 'join', keys: ['k', '__proto__'] }])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  test('a key may be any text, of one byte a character or more', () => {
    const keys = ['a', 'é', '🐟', 'x'.repeat(40), 'é'.repeat(40), 'x'.repeat(300), 'ﷺ'.repeat(100)]
    expect(v4.decode(packr.pack(documents('Join', keys)))).toEqual([{ type: 'join', keys }])
  })
})

describe('row 11: JSON that is a trap', () => {
  test.each([
    ['an info', (value: string) => `{"type":"Announce","info":${value}}`],
    ['a signal', (value: string) => `{"type":"Signal","to":"bob","signal":${value}}`],
  ])('%s is nested 100 deep at most, whatever stands in its strings', async (_what, message) => {
    const stage = await Stage.open()
    const alice = await stage.v1('alice', 'k')
    const bob = await stage.v1('bob', 'k')
    const nested = (levels: number) => '['.repeat(levels) + '"\\\\\\"[["' + ']'.repeat(levels)
    await alice.next('Introduction')
    alice.send(message(nested(100)))
    expect((await bob.next(_what === 'a signal' ? 'Signal' : 'Update')).type).toBeDefined()
    alice.send(message(nested(101)))
    expect(await alice.next('Error')).toMatchObject({ code: 'bad_message' })
  })

  test.each([
    ['in an info', (deep: string) => `{"type":"Announce","info":${deep}}`],
    ['in a signal', (deep: string) => `{"type":"Signal","to":"bob","signal":${deep}}`],
  ])('nested 100,000 deep, %s', async (_what, message) => {
    const stage = await Stage.open()
    const bob = await stage.v1('bob', 'k')
    const alice = await stage.v1('alice', 'k')
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const levels = Math.floor(500_000 / (open.length + close.length))
      alice.send(message(open.repeat(levels) + '1' + close.repeat(levels)))
      expect(await alice.next('Error')).toMatchObject({ code: 'bad_message' })
    }
    alice.send(message('[[[[[["fine"]]]]]]'))
    if (_what === 'in a signal') expect(await bob.next('Signal')).toMatchObject({ from: 'alice' })
    else expect(await bob.next('Update')).toMatchObject({ id: 'alice' })
  })

  test('in a field that nobody reads', async () => {
    const stage = await Stage.open()
    const alice = await stage.v1('alice')
    const deep = '['.repeat(200_000) + ']'.repeat(200_000)
    alice.send(`{"type":"Join","join":["k"],"more":${deep}}`)
    alice.send(`{"type":${deep},"join":["k"]}`)
    for (let n = 0; n < 2; n++) {
      expect(await alice.next('Error')).toMatchObject({ code: 'bad_message' })
    }
    expect(stage.outcomes().joined).toBe(0)
  })

  test('with names that a prototype has', async () => {
    const stage = await Stage.open()
    const alice = await stage.v1('alice')
    const bob = await stage.v1('bob', '__proto__', 'toString')
    alice.send('{"__proto__":{"polluted":true},"type":"Join","join":["__proto__","toString"]}')
    expect(await bob.next('Introduction')).toMatchObject({ keys: ['__proto__', 'toString'] })
    const info = '{"__proto__":{"polluted":true},"hasOwnProperty":1}'
    alice.send(`{"type":"Announce","info":${info}}`)
    await bob.next('Update')
    expect(bob.seen.at(-1)!.text).toContain(info)
    alice.send({ type: 'Signal', to: '__proto__', signal: 1 })
    alice.send({ type: 'Signal', to: 'constructor', signal: 1 })
    expect(await alice.next('Error')).toMatchObject({ code: 'unknown_peer', id: '__proto__' })
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})
