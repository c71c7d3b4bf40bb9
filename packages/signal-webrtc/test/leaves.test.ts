import { clientFrame } from 'signal-test-kit'
import { expect, onTestFinished, test } from 'vitest'
import { Client, type Fields } from '../../signal-server/test/harness/client.js'
import { RawSocket } from '../../signal-server/test/harness/raw-socket.js'
import { measured } from './harness/measured.js'

interface Leaving {
  how: string
  path: string
  hello?: (n: number) => Fields
  leave: (raw: RawSocket) => void
}

const ways: Leaving[] = [
  {
    how: 'by a message',
    path: '/relay-ws',
    leave: (raw) => raw.write(clientFrame(1, JSON.stringify({ type: 'leave' }))),
  },
  { how: 'without a word', path: '/relay-ws', leave: (raw) => raw.reset() },
  {
    how: 'without a word',
    path: '/rtc',
    hello: (n) => ({ type: 'identify', data: { id: `peer ${n}`, name: '' } }),
    leave: (raw) => raw.reset(),
  },
]

test.each(ways)(
  'row 52: $path: many clients that leave $how at the same time keep nobody waiting',
  async ({ path, hello, leave }) => {
    const { port, longestTurn } = await measured()
    const clients: RawSocket[] = []
    for (let n = 0; n < 900; n++) {
      const raw = await RawSocket.upgrade(port, path)
      onTestFinished(() => {
        raw.socket.destroy()
      })
      if (hello) raw.write(clientFrame(1, JSON.stringify(hello(n))))
      clients.push(raw)
    }
    const bystander = await Client.open(`ws://127.0.0.1:${port}${path}`)
    onTestFinished(() => bystander.ws.terminate())
    await bystander.settled()
    await longestTurn()
    leave(clients[0]!)
    for (let n = 0; n < 50; n++) await bystander.settled()
    const calm = Math.max(await longestTurn(), 4)
    for (const client of clients.slice(1, 600)) leave(client)
    for (let n = 0; n < 300; n++) await bystander.settled()
    expect(await longestTurn()).toBeLessThan(25 * calm)
  },
  60_000,
)
