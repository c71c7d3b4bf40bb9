import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { Client } from 'signal-client'
import { SignalServer } from 'signal-server'
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest'

const script = fileURLToPath(new URL('../dist/chat.js', import.meta.url))
const terminals: Terminal[] = []
let server: SignalServer

/** A terminal in which somebody chats. */
class Terminal {
  readonly process: ChildProcessWithoutNullStreams
  readonly #lines: Interface
  readonly #seen: string[] = []

  constructor(...args: string[]) {
    this.process = spawn(process.execPath, [script, ...args])
    this.#lines = createInterface({ input: this.process.stdout })
    this.#lines.on('line', (line) => this.#seen.push(line))
    terminals.push(this)
  }

  /** What it has said about what went wrong. */
  get complaints(): Promise<string> {
    return text(this.process.stderr)
  }

  get seen(): readonly string[] {
    return this.#seen
  }

  /** Resolves when a line with this text has been shown. */
  async shows(text: string): Promise<void> {
    while (!this.#seen.some((line) => line.includes(text))) await once(this.#lines, 'line')
  }

  type(line: string): void {
    this.process.stdin.write(`${line}\n`)
  }
}

beforeEach(() => {
  server = new SignalServer()
})
afterEach(async () => {
  for (const { process: child } of terminals.splice(0)) child.kill()
  await server.close()
})

it('lets two terminals talk, and shows who comes and goes', async () => {
  const { url } = await server.listen({ port: 0, host: '127.0.0.1' })
  const alice = new Terminal('raccoons', '--name', 'Alice', '--url', url)
  const bob = new Terminal('raccoons', '--name', 'Bob', '--url', url)
  await alice.shows('Bob is here')
  await bob.shows('Alice is here')

  alice.type('hello')
  await bob.shows('Alice: hello')
  bob.type('hi there')
  await alice.shows('Bob: hi there')

  const ended = once(bob.process, 'exit')
  bob.process.stdin.end()
  await alice.shows('Bob has gone')
  expect(await ended).toEqual([0, null])
})

it('says how to use it where no room is named', async () => {
  const terminal = new Terminal()
  const ended = once(terminal.process, 'exit')
  await terminal.shows('Usage: chat ROOM')
  expect(await ended).toEqual([2, null])
})

it.each([
  [['raccoons', '--url', 'somewhere'], '"somewhere" is not a URL.'],
  [
    ['raccoons', '--url', 'ftp://example.com'],
    'url: "ftp://example.com" is not an http or ws URL.',
  ],
  [['raccoons', '--colour'], "Unknown option '--colour'."],
  [['..'], 'Not an id or a key: "..".'],
])('ends with a sentence for %j', async (args, sentence) => {
  const terminal = new Terminal(...args)
  const ended = once(terminal.process, 'exit')
  expect(await terminal.complaints).toBe(`${sentence}\n`)
  expect(await ended).toEqual([2, null])
})

it('shows no control characters of strangers', async () => {
  const { url } = await server.listen({ port: 0, host: '127.0.0.1' })
  const alice = new Terminal('raccoons', '--name', 'Alice', '--url', url)
  const eve = new Client({ url, keys: ['raccoons'], info: { name: '\u001b[2JEve\nBob is here' } })
  onTestFinished(() => eve.close())
  eve.on('peer', (_peer, _key, socket) => {
    socket.send('\u001b]0;title\u0007one\r\ntwo\u009b1mthree \u202edne')
  })
  await alice.shows('title one two 1mthree  dne')
  await alice.shows('→  [2JEve Bob is here is here')
  expect(alice.seen.join('')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u)
})
