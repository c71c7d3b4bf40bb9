// Peers that all join at once, in a process of its own: what the server needs for them is then what
// its own process has spent. Tells over the IPC channel when all have come, and when all were
// introduced.
import { connect } from 'node:net'

const { port, peers, keys, shape } = JSON.parse(process.argv[2])

/** The keys of a peer, and how many others want one of them. */
const shapes = {
  // everybody for himself
  disjoint: (n) => Array.from({ length: keys }, (_, k) => `document-${n}-${k}`),
  // two and two want the same
  pairs: (n) => Array.from({ length: keys }, (_, k) => `document-${n >> 1}-${k}`),
  // all want one key, and nothing else in common
  room: (n) => ['room', ...Array.from({ length: keys - 1 }, (_, k) => `document-${n}-${k}`)],
  // all want all
  same: () => Array.from({ length: keys }, (_, k) => `document-${k}`),
}
const introductionsEach = { disjoint: 0, pairs: 1, room: peers - 1, same: peers - 1 }[shape]

let come = 0
let introduced = 0
let joined = 0
const sockets = []

/** Frames are counted, not read. */
function listen(socket, onFrame) {
  let header = Buffer.alloc(0)
  let skip = 0
  socket.on('data', (chunk) => {
    let at = Math.min(skip, chunk.length)
    skip -= at
    while (at < chunk.length) {
      const bytes =
        header.length > 0 ? Buffer.concat([header, chunk.subarray(at)]) : chunk.subarray(at)
      const short = bytes[1] & 0x7f
      const size = short < 126 ? 2 : short === 126 ? 4 : 10
      if (bytes.length < size) {
        header = Buffer.from(bytes)
        return
      }
      const length =
        size === 2 ? short : size === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
      onFrame(bytes[0] & 0x0f)
      at += size - header.length
      header = Buffer.alloc(0)
      const there = Math.min(length, chunk.length - at)
      at += there
      skip = length - there
    }
  })
}

function masked(opcode, text) {
  const body = Buffer.from(text)
  const header = Buffer.alloc(body.length < 126 ? 6 : body.length < 0x10000 ? 8 : 14)
  header[0] = 0x80 | opcode
  if (header.length === 6) header[1] = 0x80 | body.length
  else if (header.length === 8) ((header[1] = 0xfe), header.writeUInt16BE(body.length, 2))
  else ((header[1] = 0xff), header.writeBigUInt64BE(BigInt(body.length), 2))
  // a mask of zeros leaves the payload as it is
  return Buffer.concat([header, body])
}

function open(n) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', reject)
    socket.on('close', () => process.send({ broken: `the socket of peer ${n} was closed` }))
    socket.write(
      `GET /introduction/peer-${n} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
        'Sec-WebSocket-Protocol: signal.v1\r\n\r\n',
    )
    let head = ''
    const onHead = (chunk) => {
      head += chunk.toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      socket.off('data', onHead)
      socket.pause()
      if (!head.startsWith('HTTP/1.1 101')) return reject(new Error(head))
      listen(socket, (opcode) => {
        if (opcode === 1) text()
        else if (opcode === 10) pong()
      })
      const rest = Buffer.from(head.slice(end + 4), 'latin1')
      if (rest.length > 0) socket.unshift(rest)
      socket.resume()
      sockets[n] = socket
      resolve()
    }
    socket.on('data', onHead)
  })
}

function text() {
  if (come < peers) {
    if (++come === peers) process.send({ ready: true })
    return
  }
  introduced++
  look()
}

function pong() {
  joined++
  look()
}

function look() {
  if (joined >= peers && introduced >= peers * introductionsEach) process.send({ done: introduced })
}

const joins = Array.from({ length: peers }, (_, n) =>
  // the answer to the ping shows that the Join was read
  Buffer.concat([
    masked(1, JSON.stringify({ type: 'Join', join: shapes[shape](n) })),
    masked(9, ''),
  ]),
)
for (let n = 0; n < peers; n += 100) {
  await Promise.all(Array.from({ length: Math.min(100, peers - n) }, (_, k) => open(n + k)))
}
process.on('message', () => {
  for (const [n, socket] of sockets.entries()) socket.write(joins[n])
})
process.on('disconnect', () => process.exit(0))
