import { Tokens, type EndpointFactory } from 'signal-server'
import { call, relayWs, rooms, rtc } from 'signal-webrtc'
import { expect, test } from 'vitest'
import { Served } from './harness/serve.js'

const tokens = new Tokens({ secret: 'a secret of at least thirty-two bytes' })

test.each<[EndpointFactory[], string]>([
  [[relayWs({ path: 'relay' })], '"relay" is not a path: it must start with a slash, or be "*".'],
  [[rooms({ path: 'rooms', tokens })], '"rooms" is not a path'],
  [[rtc({ path: '/introduction' })], 'the endpoint "introduction" has that path.'],
  [[call({ path: '/connection/a' })], 'the endpoint "connection" has that path.'],
  [[rooms({ path: '/healthz', tokens })], 'the server itself has that path.'],
  [[rtc({ path: '/t/x' })], 'The endpoint "rtc" cannot be at "/t/x": the server itself has that'],
  [[rtc({ path: '/x' }), call({ path: '/x' })], 'the endpoint "rtc" has that path.'],
  [[rooms({ tokens }), rtc({ path: '/socket.io/' })], 'the endpoint "rooms" has that path.'],
  [[relayWs({ path: '*' }), rtc()], 'the endpoint "relay-ws" has that path.'],
  [[relayWs({ path: '*' }), relayWs({ path: '*' })], 'the endpoint "relay-ws" has that path.'],
])('a path that would get nothing is a TypeError, case %#', async (endpoints, sentence) => {
  const starting = Served.start(endpoints)
  await expect(starting).rejects.toThrow(TypeError)
  await expect(starting).rejects.toThrow(sentence)
})

test('two endpoints may be at paths one below the other', async () => {
  const served = await Served.start([rtc({ path: '/x' }), call({ path: '/x/y' })])
  await served.client('/x/y')
  expect(served.stats('call').clients).toBe(1)
})

test.each([call, relayWs, rooms, rtc] as ((options: unknown) => EndpointFactory)[])(
  'a path in place of the options is a TypeError, case %#',
  (endpoint) => {
    expect(() => endpoint('/x')).toThrow(TypeError)
    expect(() => endpoint('/x')).toThrow(
      `The options of ${endpoint.name}() must be an object such as {`,
    )
  },
)
