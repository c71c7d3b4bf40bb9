import { readFileSync } from 'node:fs'
import {
  connectionPath,
  introductionPath,
  LINK_SUBPROTOCOL_PREFIX,
  SUBPROTOCOL,
  type Paired,
  type ServerMessage,
} from 'signal-server-protocol'
import { SignalServer } from 'signal-server'
import { beforeAll, describe, expect, test } from 'vitest'
import { dialects, packed, type DialectName } from '../src/dialects.js'
import { Scene } from '../src/scene.js'
import { text, type Message, type Socket } from '../src/socket.js'

const document = readFileSync(new URL('../../docs/PROTOCOL.md', import.meta.url), 'utf8')

/** A fenced block that says who sends it: ```json C→S v3 */
interface Example {
  sender: 'C→S' | 'S→C' | 'HTTP'
  /** The dialect; for HTTP, the status. */
  about: string
  body: string
  line: number
}

const examples: Example[] = [
  ...document.matchAll(/^```(?:json|text) (C→S|S→C|HTTP) (\S+)\n([^]*?)\n```$/gm),
].map(({ 1: sender, 2: about = '', 3: body = '', index }) => {
  const line = document.slice(0, index).split('\n').length
  return { sender: sender as Example['sender'], about, body, line }
})

const of = (sender: Example['sender'], about: string) =>
  examples.filter((example) => example.sender === sender && example.about === about)
const titled = (some: Example[]) =>
  some.map((example) => {
    const { type } = JSON.parse(example.body) as { type: string }
    return { ...example, title: `the ${type} in line ${example.line}` }
  })

// who speaks in the examples, and of what
const alice = 'aaaa4242'
const bob = 'qrst7890'
const key = 'happy-raccoon'
const otherKey = 'hairy-thumb'
const known = ['v0', 'v3', 'v4', SUBPROTOCOL] as const

const welcome = of('S→C', SUBPROTOCOL)
  .map(({ body }) => JSON.parse(body) as ServerMessage)
  .find((message) => message.type === 'Welcome')!

/** A scene that ends with what is done on it: on a server of its own, for ids and keys are the same. */
async function on(act: (scene: Scene) => Promise<void>): Promise<void> {
  const server = new SignalServer({ iceServers: welcome.iceServers ?? [] })
  const { url } = await server.listen({ port: 0 })
  const scene = new Scene({ first: url, second: url, common: 'v0' })
  try {
    await act(scene)
  } finally {
    scene.end()
    await server.close()
  }
}

/** The example as a client sends it: to the letter, or packed where its dialect packs. */
const sent = ({ body }: Example, dialect: DialectName): Message =>
  dialect === 'v4' ? packed(JSON.parse(body)) : text(body)

/** Sends an example as alice, and shows what bob, a v1 client, hears of it, or alice herself. */
async function told(example: Example, dialect: DialectName): Promise<unknown[]> {
  const heard: unknown[] = []
  await on(async ({ first }) => {
    const atBob = await first.peer(SUBPROTOCOL, bob, key, otherKey)
    const atAlice = await first.introduction(alice, dialect)
    const { type } = JSON.parse(example.body) as { type: string }
    if (type !== 'Join') atAlice.join(key, otherKey)
    await atAlice.settled()
    await atBob.settled()
    atBob.messages()
    atAlice.socket.take()

    atAlice.socket.send(sent(example, dialect))
    await atAlice.settled()
    await atBob.settled()
    heard.push(...atBob.messages(), ...atAlice.socket.take().map(({ data }) => data.toString()))
  })
  return heard
}

describe.each(known)('the examples of %s clients', (dialect) => {
  test('are there', () => {
    expect(of('C→S', dialect).length).toBeGreaterThan(1)
    expect(of('S→C', dialect).length).toBeGreaterThan(0)
  })

  test.each(titled(of('C→S', dialect)))('$title does what it says', async (example) => {
    const message = JSON.parse(example.body) as Record<string, unknown>
    const heard = await told(example, dialect)
    const { join, leave, documentIds, info, signal } = message
    switch (message.type) {
      case 'Join':
        expect(heard).toContainEqual({
          type: 'Introduction',
          id: alice,
          keys: join ?? documentIds,
        })
        // the one back
        expect(heard).toHaveLength(2)
        break
      case 'Leave':
        expect(heard).toEqual([{ type: 'Departure', id: alice, keys: leave ?? documentIds }])
        break
      case 'Announce':
        expect(heard).toEqual([{ type: 'Update', id: alice, info, keys: [key, otherKey] }])
        break
      case 'Signal':
        expect(heard).toEqual([{ type: 'Signal', from: alice, signal }])
        break
      case 'Ping':
        expect(heard).toEqual(['{"type":"Pong"}'])
        break
      default:
        expect(heard).toEqual([])
        expect(['Heartbeat', '❤️']).toContain(message.type)
    }
  })
})

describe.each(['v0', 'v3', 'v4'] as const)('what a %s client is sent', (dialect) => {
  test.each(titled(of('S→C', dialect)))('is $title', async (example) => {
    await on(async ({ first }) => {
      const atAlice = await first.peer(dialect, alice, key, otherKey)
      await first.peer('v0', bob, key)
      const { data } = await atAlice.socket.message()
      const expected = sent(example, dialect)
      // packed maps may differ in the width of their header
      const read = ({ data: bytes, binary }: Message): unknown =>
        dialects[dialect].introduction({ data: bytes, binary })
      expect(read({ data, binary: dialect === 'v4' })).toEqual(read(expected))
      if (dialect !== 'v4') expect(JSON.parse(data.toString())).toEqual(JSON.parse(example.body))
    })
  })
})

describe(`what a ${SUBPROTOCOL} client is sent`, () => {
  const said: unknown[] = []

  // everything that the examples tell of, once
  beforeAll(() =>
    on(async ({ first }) => {
      const find = (type: string) => {
        const found = of('S→C', SUBPROTOCOL).map(({ body }) => JSON.parse(body) as never)
        return found.find((example: { type: string }) => example.type === type) as never
      }
      const introduction: { info: unknown } = find('Introduction')
      const { link = '' } = of('S→C', SUBPROTOCOL)
        .map(({ body }) => JSON.parse(body) as { link?: string })
        .find((example) => example.link !== undefined)!
      const update: { info: unknown } = find('Update')
      const { signal }: { signal: unknown } = find('Signal')
      const error: { id: string } = find('Error')

      const atAlice = await first.introduction(alice, SUBPROTOCOL)
      atAlice.join(key, otherKey)
      await atAlice.settled()
      const atBob = await first.introduction(bob, SUBPROTOCOL)
      atBob.socket.send({ type: 'Announce', info: introduction.info })
      atBob.join(key)
      atBob.socket.send({ type: 'Announce', info: update.info })
      atBob.socket.send({ type: 'Signal', to: alice, signal })
      atBob.leave(key)
      await atBob.settled()
      const offers = [`${LINK_SUBPROTOCOL_PREFIX}${link}`, SUBPROTOCOL]
      const linked = await first.socket(introductionPath(bob), offers)
      linked.send({ type: 'Join', join: [key] })
      await linked.settled()
      atAlice.socket.send({ type: 'Ping' })
      atAlice.socket.send({ type: 'Signal', to: error.id, signal: 1 })
      await first.peer(SUBPROTOCOL, alice, key)
      await atAlice.settled()
      for (const message of atAlice.messages()) {
        // the version changes with every release
        if (message.type === 'Welcome') message.server.version = welcome.server.version
        said.push(message)
      }
    }),
  )

  test.each(titled(of('S→C', SUBPROTOCOL)))('is $title', ({ body }) => {
    expect(said).toContainEqual(JSON.parse(body))
  })
})

describe('on a connection', () => {
  test.each(of('S→C', 'connection'))('what comes first is $body', async ({ body }) => {
    await on(async (scene) => {
      // what alice is sent is what bob has offered
      const { link } = JSON.parse(body) as Paired
      const open = (path: string, hello?: string): Promise<Socket> => {
        const offers = hello === undefined ? [] : [`${LINK_SUBPROTOCOL_PREFIX}${hello}`]
        return scene.first.socket(path, [...offers, SUBPROTOCOL])
      }
      const atAlice = await open(connectionPath(alice, bob, key), link && 'a'.repeat(64))
      await open(connectionPath(bob, alice, key), link)
      expect((await atAlice.message()).data.toString()).toBe(body)
    })
  })
})

describe('a refusal', () => {
  test.each(of('HTTP', '404'))('has the body in line $line', async ({ body }) => {
    await on(async ({ first }) => {
      const response = await first.ask(introductionPath(''))
      expect(response.status).toBe(404)
      expect(JSON.parse(response.body)).toEqual(JSON.parse(body))
    })
  })
})

test('every example in the document is one of these', () => {
  const fences = [...document.matchAll(/^```\S+/gm)]
  expect(examples).toHaveLength(fences.length)
  const places = [...known, 'connection', '404']
  for (const { about } of examples) expect(places).toContain(about)
})
