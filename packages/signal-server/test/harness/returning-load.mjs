// Clients in a process of their own, two and two with a key in common: each is introduced, connects
// to its partner, and says one word. Told of a port, they all go there; when they lose the server,
// they try again with a jittered back-off until they are told of another.
import { WebSocket } from 'ws'

const { pairs } = JSON.parse(process.argv[2])
const firstDelay = 500
const longestDelay = 5_000
let port
let greeted = 0
let toldAt = 0

class Client {
  #attempt = 0
  #pipe

  constructor(id, partner, key) {
    Object.assign(this, { id, partner, key })
  }

  connect() {
    const introduction = open(`/introduction/${this.id}`)
    introduction.on('open', () => {
      this.#attempt = 0
      introduction.send(JSON.stringify({ type: 'Join', join: [this.key] }))
    })
    introduction.on('message', (data) => {
      if (JSON.parse(data).type === 'Introduction') this.#meet()
    })
    introduction.on('close', () => {
      this.#pipe?.terminate()
      const most = Math.min(longestDelay, firstDelay * 2 ** this.#attempt++)
      setTimeout(() => this.connect(), Math.random() * most)
    })
  }

  #meet() {
    if (this.#pipe) return
    const pipe = (this.#pipe = open(`/connection/${this.id}/${this.partner}/${this.key}`))
    pipe.on('open', () => pipe.send(this.id))
    pipe.once('message', (data) => {
      if (String(data) !== this.partner) throw new Error(`${this.id} heard ${data}`)
      if (++greeted === 2 * pairs) {
        process.send({ seconds: (performance.now() - toldAt) / 1_000 })
      }
    })
    pipe.on('close', () => (this.#pipe = undefined))
  }
}

function open(path) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, 'signal.v1', {
    perMessageDeflate: false,
  })
  socket.on('error', () => {})
  const emit = socket.emit
  // the server's own first message is not the partner's
  socket.emit = (event, data, ...rest) =>
    event === 'message' && String(data) === '{"type":"Paired"}'
      ? false
      : emit.call(socket, event, data, ...rest)
  return socket
}

const clients = Array.from({ length: 2 * pairs }, (_, n) => {
  const side = n % 2
  const key = `document-${n >> 1}`
  return new Client(`${key}-${side}`, `${key}-${1 - side}`, key)
})

process.on('message', ({ port: told }) => {
  const first = port === undefined
  port = told
  greeted = 0
  toldAt = performance.now()
  if (first) for (const client of clients) client.connect()
})
process.on('disconnect', () => process.exit())
process.send('ready')
