// One end of a pipe, in a process of its own so that its memory is its own: writes and reads as many
// messages as it is told through `peer.stream`, reading slowly, and tells how far it is.
import { Client } from 'signal-client'

const { url, id, count, size, tellEvery, pauseEvery, pause } = JSON.parse(process.argv[2])
const padding = 'x'.repeat(size)
const client = new Client({ url, id, keys: ['k'] })

client.on('peer', async (peer, key) => {
  const { readable, writable } = peer.stream(key)
  await Promise.all([write(writable.getWriter()), read(readable.getReader())])
})

async function write(writer) {
  for (let n = 0; n < count; n++) await writer.write(`${n} ${padding}`)
}

async function read(reader) {
  /** How many were missing, doubled or out of order. */
  let wrong = 0
  for (let n = 0; n < count; n++) {
    const { value } = await reader.read()
    if (value !== `${n} ${padding}`) wrong++
    if ((n + 1) % pauseEvery === 0) await new Promise((resolve) => setTimeout(resolve, pause))
    if ((n + 1) % tellEvery === 0) process.send({ wrong, rss: process.memoryUsage().rss })
  }
}

// it stays until both are done: who leaves first would cut the other off
process.on('disconnect', () => process.exit())
