import { SUBPROTOCOL } from 'signal-server-protocol'
import { clientFrame, Opcode } from 'signal-test-kit'
import { check, each, type Check } from '../check.js'
import { must, same } from '../failure.js'

/** §8: who is alive. */
export const keepAliveChecks: readonly Check[] = [
  ...each(['/introduction', '/connection'] as const, (endpoint) => [
    check(
      '8',
      `A silent socket on ${endpoint} is pinged, and given up when it does not answer`,
      async (scene) => {
        const id = scene.unique()
        const path = endpoint === '/introduction' ? `${endpoint}/${id}` : `${endpoint}/${id}/b/k`
        const raw = await scene.first.upgrade(path, {
          headers: { 'Sec-WebSocket-Protocol': SUBPROTOCOL },
        })
        await raw.frameOf(Opcode.ping, 'a ping', 26_000)
        const again = await raw.ended
        same(again, undefined, 'the end of the connection')
      },
      { slow: true },
    ),
    check(
      '8',
      `A socket on ${endpoint} that answers pings stays`,
      async (scene) => {
        const id = scene.unique()
        const path = endpoint === '/introduction' ? `${endpoint}/${id}` : `${endpoint}/${id}/b/k`
        const socket = await scene.first.socket(path)
        const pings = new Promise<void>((resolve) => {
          let count = 0
          socket.ws.on('ping', () => ++count === 3 && resolve())
        })
        await Promise.race([
          pings,
          socket.closed('the third ping', 90_000).then(({ code }) => {
            must(false, `it was closed with ${code}`)
          }),
        ])
      },
      { slow: true },
    ),
  ]),

  check('8', 'A session answers pings', async (scene) => {
    const raw = await scene.first.upgrade(`/introduction/${scene.unique()}`)
    raw.write(clientFrame(Opcode.ping, 'hello'))
    const { payload } = await raw.frameOf(Opcode.pong, 'a pong')
    same(payload.toString(), 'hello', 'payload of the pong')
  }),
]
