import { expect, test } from 'vitest'
import { Gateway } from './harness/gateway.js'
import { clientOf, ended, Stage, talk, type Actor } from './harness/stage.js'

const again = { timeout: 30_000 }
const statuses = [400, 401, 403, 404, 414]

test.each(statuses)(
  'row 64: a %d of something that is no signal server is an error, and no end',
  again,
  async (status) => {
    const stage = await Stage.open()
    const gateway = await Gateway.open(stage.port, { status, body: '<h1>No</h1>' })
    const { client, told } = clientOf(gateway.url, 'alice')
    const [error] = await told.error.next()
    expect(error).toMatchObject({ name: 'SignalError', code: `http_${status}` })
    expect(error.message).toContain(gateway.url)
    expect(client.state).toBe('disconnected')
    gateway.answer = undefined
    await told.connected.next()
    expect(told.error.seen).toHaveLength(1)
  },
)

test.each([
  ['that is no object', '[]'],
  ['with a code of its own', '{"error":"Not Found","message":"no Route matched"}'],
  ['without a code', '{"message":"Forbidden"}'],
  ['without a sentence', '{"error":"not_found"}'],
  ['that is null', 'null'],
])('row 64: nor is JSON %s the refusal of a signal server', again, async (_, body) => {
  const stage = await Stage.open()
  const gateway = await Gateway.open(stage.port, { status: 404, body })
  const { client, told } = clientOf(gateway.url, 'alice')
  expect((await told.error.next())[0].code).toBe('http_404')
  expect(client.state).toBe('disconnected')
})

test(
  'row 64: clients come through six seconds of an ingress without a backend',
  again,
  async () => {
    const stage = await Stage.open()
    const gateway = await Gateway.open(stage.port)
    const pair = await Promise.all(['alice', 'bob'].map((id) => ended(clientOf(gateway.url, id))))
    gateway.answer = { status: 404, body: 'default backend - 404' }
    await stage.stop()
    // each is refused twice at least
    for (const { told } of pair) expect((await told.error.next())[0].code).toBe('http_404')
    await stage.start()
    gateway.answer = undefined
    const anew = await Promise.all(pair.map(ended))
    await talk(anew[0]!, anew[1]!)
  },
)

test('row 64: pipes that are refused by a gateway are tried again, too', again, async () => {
  const stage = await Stage.open()
  const gateway = await Gateway.open(stage.port, { status: 403, body: '' })
  gateway.answersFor = '/connection/'
  const [alice, bob] = ['alice', 'bob'].map((id) => clientOf(gateway.url, id)) as [Actor, Actor]
  for (const { told } of [alice, bob]) {
    const [error] = await told.error.next()
    expect(error).toMatchObject({ code: 'http_403', keys: ['k'] })
  }
  gateway.answer = undefined
  await talk(...(await Promise.all([ended(alice), ended(bob)])))
})

test.each([
  ['bad_request', 400],
  ['forbidden', 403],
  ['not_found', 404],
] as const)('the refusal %s of a signal server ends the attempts', async (error, status) => {
  const stage = await Stage.open()
  const body = JSON.stringify({ error, message: 'Not you.' })
  const gateway = await Gateway.open(stage.port, { status, body })
  const { client, told } = clientOf(gateway.url, 'alice')
  expect((await told.error.next())[0]).toMatchObject({ code: error, message: 'Not you.' })
  expect(client.state).toBe('closed')
})

test('row 67: a URL that is redirected is an error with a sentence', again, async () => {
  const stage = await Stage.open()
  const headers = { location: `${stage.url}/introduction/alice` }
  const gateway = await Gateway.open(stage.port, { status: 301, headers })
  const { told } = clientOf(gateway.url, 'alice')
  const [error] = await told.error.next()
  expect(error.code).toBe('upgrade_failed')
  expect(error.message).toMatch(/redirect/)
})

test('row 67: a proxy that drops the subprotocol is an error with a sentence', again, async () => {
  const stage = await Stage.open()
  const gateway = await Gateway.open(stage.port)
  gateway.drops = ['sec-websocket-protocol']
  const { client, told } = clientOf(gateway.url, 'alice')
  const [error] = await told.error.next()
  expect(error).toMatchObject({ code: 'upgrade_failed' })
  expect(error.message).toMatch(/proxy/)
  expect(client.state).toBe('disconnected')
  // it is told once, and heals
  gateway.drops = []
  await told.connected.next()
  expect(told.error.seen).toHaveLength(1)
})
