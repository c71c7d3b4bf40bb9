import { createHash } from 'node:crypto'
import { introductionPath, SUBPROTOCOL } from 'signal-server-protocol'
import { clientFrame, HANDSHAKE_KEY, Opcode } from 'signal-test-kit'
import { check, each, type Check } from '../check.js'
import { Failure, must, same } from '../failure.js'
import type { Scene } from '../scene.js'
import { text } from '../socket.js'

const endpoints = ['/introduction', '/connection'] as const

const pathOf = (endpoint: (typeof endpoints)[number], { unique }: Scene): string =>
  endpoint === '/introduction'
    ? `/introduction/${unique()}`
    : `/connection/${unique('a')}/${unique('b')}/${unique('key')}`

const accepted = createHash('sha1')
  .update(`${HANDSHAKE_KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
  .digest('base64')

const extensions = 'permessage-deflate; client_max_window_bits, x-unknown'

/** §3.1 to §3.3: what a 101 says. */
export const handshakeChecks: readonly Check[] = [
  ...each(endpoints, (endpoint) => [
    check('3.1', `A handshake on ${endpoint} is answered as RFC 6455 says`, async (scene) => {
      const { status, headers } = await scene.first.ask(pathOf(endpoint, scene))
      same(status, 101, 'status')
      same(headers.upgrade?.toLowerCase(), 'websocket', 'Upgrade')
      same(headers.connection?.toLowerCase(), 'upgrade', 'Connection')
      same(headers['sec-websocket-accept'], accepted, 'Sec-WebSocket-Accept')
    }),

    check('3.1', `A handshake on ${endpoint} is one in any letter case`, async (scene) => {
      const { status } = await scene.first.ask(pathOf(endpoint, scene), {
        headers: { Connection: 'keep-alive, upgrade', Upgrade: 'WebSocket' },
      })
      same(status, 101, 'status')
    }),

    check('3.1', `A handshake on ${endpoint} may come in small pieces`, async (scene) => {
      const { first } = scene
      const raw = await first.raw()
      await raw.trickle(Buffer.from(first.handshake(pathOf(endpoint, scene))))
      same((await raw.response()).status, 101, 'status')
    }),

    ...each(
      [SUBPROTOCOL, `other, ${SUBPROTOCOL}`, `${SUBPROTOCOL}, other`, `a,${SUBPROTOCOL},b`],
      (offered) =>
        check('3.2', `${endpoint} selects ${SUBPROTOCOL} from "${offered}"`, async (scene) => {
          const headers = { 'Sec-WebSocket-Protocol': offered }
          const answer = await scene.first.ask(pathOf(endpoint, scene), { headers })
          same(answer.status, 101, 'status')
          same(answer.headers['sec-websocket-protocol'], SUBPROTOCOL, 'subprotocol')
        }),
    ),

    check('3.2', `${endpoint} selects no subprotocol that it does not know`, async (scene) => {
      const headers = { 'Sec-WebSocket-Protocol': 'signal.v99, chat' }
      const answer = await scene.first.ask(pathOf(endpoint, scene), { headers })
      same(answer.status, 101, 'status')
      same(answer.headers['sec-websocket-protocol'], undefined, 'subprotocol')
    }),

    check('3.3', `${endpoint} selects no extension`, async (scene) => {
      const headers = { 'Sec-WebSocket-Extensions': extensions }
      const answer = await scene.first.ask(pathOf(endpoint, scene), { headers })
      same(answer.status, 101, 'status')
      same(answer.headers['sec-websocket-extensions'], undefined, 'extensions')
    }),
  ]),

  check('3.1', 'A Join right behind the handshake is heard', async ({ first, second, unique }) => {
    const [id, key] = [unique('early'), unique('key')]
    const bob = await second.peer('any', unique('bob'), key)
    const raw = await first.raw()
    const request = first.handshake(introductionPath(id))
    const join = first.joinFrame(key)
    raw.write(Buffer.concat([Buffer.from(request), join]))
    same((await raw.response()).status, 101, 'status')
    await bob.expectIntroduction({ id }, key)
    await raw.frame('the introduction')
  }),

  check('3.1', 'What comes right behind the handshake on /connection arrives', async (scene) => {
    const { first, second, unique } = scene
    const [a, b, key] = [unique('a'), unique('b'), unique('key')]
    const raw = await first.raw()
    const request = first.handshake(`/connection/${a}/${b}/${key}`)
    const early = clientFrame(Opcode.text, 'early')
    raw.write(Buffer.concat([Buffer.from(request), early, early.subarray(0, 4)]))
    same((await raw.response()).status, 101, 'status')
    raw.write(early.subarray(4))
    const atB = await second.connect(b, a, key)
    await atB.expect(text('early'), text('early'))
  }),

  check('3.6', 'A token is taken from each of its three places', async ({ first, unique }) => {
    const path = `/introduction/${unique()}`
    const { token } = first
    const some = token ?? 'eyJhbGciOi.eyJzdWIi.c2lnbmVk-_'
    const places = [
      { target: path, headers: { Authorization: `Bearer ${some}` } },
      { target: path, headers: { 'Sec-WebSocket-Protocol': `signal.token.${some}, signal.v1` } },
      { target: `/t/${encodeURIComponent(some)}${path}`, headers: {} },
    ]
    for (const [n, { target, headers }] of places.entries()) {
      const { response } = await first.knock(first.targetWithoutToken(target), { headers })
      same(response.status, 101, `status with a token in place ${n + 1}`)
      const selected = response.headers['sec-websocket-protocol']
      same(selected, n === 1 ? SUBPROTOCOL : undefined, `subprotocol with place ${n + 1}`)
    }
    const { response } = await first.knock(first.targetWithoutToken(path))
    same(response.status, token === undefined ? 101 : 401, 'status without a token')
  }),

  check('3.6', 'A token is no part of the path', async ({ first, second, unique }) => {
    const [a, b, key] = [unique('a'), unique('b'), unique('key')]
    const front = first.token === undefined ? '/t/anything' : ''
    const atA = await first.socket(`${front}/connection/${a}/${b}/${key}`)
    const atB = await second.socket(`/connection/${b}/${a}/${key}`)
    atA.send(text('through'))
    await atB.expect(text('through'))
  }),

  check('3.1', 'What is refused gets no 101', async ({ first }) => {
    const { raw, response } = await first.knock(first.target('/connection/a/a/k'))
    must(response.status !== 101, 'it was answered with 101')
    // HTTP lets the connection stay open for another request
    raw.end()
    await raw.ended
    if (raw.takeFrames().length > 0) throw new Failure('frames came behind the refusal')
  }),
]
