import { Opcode } from 'signal-test-kit'
import { plainFrame } from '../clients/frames.js'
import { crowd, RawClient } from '../clients/raw-client.js'
import { enginePacket, pollingPayload } from '../generators/engine-packets.js'
import { packedMessage } from '../generators/msgpack.js'
import { nestedJson } from '../generators/nested-json.js'
import type { Random } from '../random.js'
import { request } from '../clients/plain-http.js'
import { pause, type Storm } from './storm.js'

// Messages that may cost more time than their bytes, for each decoder.

const mostBytes = 50_000

/** A few messages of each of some clients at a path. */
function messages(
  name: string,
  path: string,
  count: number,
  make: (random: Random, bytes: number, token: string) => Buffer,
): Storm {
  return {
    name,
    row: 48,
    async run(target, random, size) {
      const bytes = Math.floor(mostBytes * size)
      const frames = Array.from({ length: count * 4 }, () => make(random, bytes, target.token))
      const clients = await crowd(count, async (i) => {
        const client = await RawClient.open(target, path.replace('*', `decoder-${i}`))
        if (path.startsWith('/socket.io'))
          client.text(`40${JSON.stringify({ token: target.token })}`)
        return client
      })
      // one after the other, so that it is one of them that takes long
      for (const [i, frame] of frames.entries()) {
        clients[i % count]!.write(frame)
        await pause(15)
      }
      await pause(300)
      return { held: clients }
    },
  }
}

const text = (content: string) => plainFrame(Opcode.text, Buffer.from(content))

const polling: Storm = {
  name: 'polling-payloads',
  row: 48,
  async run(target, random, size) {
    const path = '/socket.io/?EIO=4&transport=polling'
    for (let i = 0; i < 10; i++) {
      const opened = await request(target, 'GET', path)
      const sid = /"sid":"([^"]+)"/.exec(opened)?.[1]
      if (sid === undefined) continue
      const body = pollingPayload(random, Math.floor(mostBytes * size), target.token)
      await request(target, 'POST', `${path}&sid=${sid}`, body, 'text/plain')
    }
    return {}
  },
}

const wild = (random: Random, bytes: number) => text(nestedJson(random, bytes))

/** An extension that makes a library compile a pattern of so many bytes. */
function pattern(bytes: number): Buffer {
  const source = Buffer.from('\\p{RGI_Emoji}'.repeat(bytes / 13))
  const head = Buffer.from([0x82, 0xa4, ...Buffer.from('type'), 0xa4, ...Buffer.from('Join')])
  const extension = Buffer.from([0xa1, 0x78, 0xd4, 0x78, 0x00, 0x92, 0xdb, 0, 0, 0, 0])
  extension.writeUInt32BE(source.length, extension.length - 4)
  const message = Buffer.concat([head, extension, source, Buffer.from([0xa1, 0x76])])
  return plainFrame(Opcode.binary, message)
}

export const decoders: readonly Storm[] = [
  messages('msgpack-pattern', '/introduction/*', 1, (_random, bytes) => pattern(bytes)),
  messages('msgpack', '/introduction/*', 40, (random, bytes) =>
    plainFrame(Opcode.binary, packedMessage(random, bytes)),
  ),
  messages('json-introduction', '/introduction/*', 20, wild),
  messages('json-rtc', '/rtc', 20, wild),
  messages('json-relay-ws', '/relay-ws', 20, wild),
  messages('json-call', '/call', 20, wild),
  messages('engine-packets', '/socket.io/?EIO=4&transport=websocket', 20, (random, bytes, token) =>
    text(enginePacket(random, bytes, token)),
  ),
  polling,
]
