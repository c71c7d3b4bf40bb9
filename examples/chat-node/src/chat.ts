import { hostname } from 'node:os'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { Client, type Peer } from 'signal-client'
import { printable } from './printable.js'

const usage = `Usage: chat ROOM [--name NAME] [--url URL]

Talks to everybody who is in the room, each by a pipe of their own.

  --name NAME  how the others see you (${hostname()})
  --url URL    the signal server (http://localhost:8080)
`

const { values, positionals } = orFail(() =>
  parseArgs({
    allowPositionals: true,
    options: {
      name: { type: 'string', default: hostname() },
      url: { type: 'string', default: 'http://localhost:8080' },
      help: { type: 'boolean', default: false },
    },
  }),
)
const [room] = positionals
if (values.help || !room) {
  process.stdout.write(usage)
  process.exit(values.help ? 0 : 2)
}
if (!URL.canParse(values.url)) fail(`"${values.url}" is not a URL.`)

const client = orFail(
  () => new Client({ url: values.url, keys: [room], info: { name: values.name } }),
)
const nameOf = (peer: Peer) => {
  const { name } = (peer.info ?? {}) as { name?: unknown }
  return printable(typeof name === 'string' && name !== '' ? name : peer.id)
}

client.on('connected', () => {
  console.log(`🐟 You are ${values.name} in ${room}, at ${values.url}`)
})
client.on('disconnected', () => {
  if (client.state !== 'closed') console.log('… the server is out of reach: trying again')
})
client.on('peer', (peer, _key, socket) => {
  console.log(`→ ${nameOf(peer)} is here`)
  socket.onmessage = ({ data }) => {
    console.log(`${nameOf(peer)}: ${typeof data === 'string' ? printable(data) : '(bytes)'}`)
  }
})
client.on('peer-left', (peer) => console.log(`← ${nameOf(peer)} has gone`))
client.on('error', (error) => {
  console.error(printable(error.message))
  if (client.state === 'closed') process.exitCode = 1
})

const terminal = createInterface({ input: process.stdin })
terminal.on('line', (line) => {
  if (line === '') return
  if (client.peers.size === 0) console.log('(nobody is here yet)')
  for (const peer of client.peers.values()) peer.get(room)?.send(line)
})
terminal.on('close', () => void client.close())
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => terminal.close())
}

/** Ends with a sentence where something was asked for that cannot be. */
function orFail<T>(attempt: () => T): T {
  try {
    return attempt()
  } catch (error) {
    // of what parseArgs says the first sentence
    return fail(`${(error as Error).message.replace(/\.( .*)?$/s, '')}.`)
  }
}

function fail(sentence: string): never {
  console.error(sentence)
  process.exit(2)
}
