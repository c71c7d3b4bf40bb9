import { call, relayWs, rtc } from 'signal-webrtc'
import { describe, expect, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { RoomStage, type RoomClient } from './harness/room-client.js'
import { Served } from './harness/serve.js'

const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)

/** An event as it stands on the wire, which the client of socket.io could not write. */
function write(client: RoomClient, event: string): void {
  client.socket.io.engine.write(`2${event}`)
}

describe('row 48: /socket.io', () => {
  test.each([
    ['whose name is a number', (auth: string) => `[5,{"auth":${auth}}]`],
    [
      'with a room nested 20,000 deep',
      (auth: string) => `["x",{"auth":${auth},"room":${deep(20_000)}}]`,
    ],
    [
      'with a payload nested 2,000 deep',
      (auth: string) =>
        `["room-create-request",{"auth":${auth},"payload":${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}}]`,
    ],
  ])('an event %s is a bad message, and nothing more', async (_what, event) => {
    const stage = await RoomStage.start()
    const owner = await stage.owner('the room')
    const client = await stage.client()
    write(client, event(JSON.stringify(client.token)))
    await client.settled()
    expect(stage.served.outcomes().bad_message).toBe(1)
    const member = await stage.member(owner, 'the room')
    expect(member.token).toBeDefined()
  })
})

test('row 48: /socket.io: a connection has one session, however often it asks for one', async () => {
  const stage = await RoomStage.start()
  const socket = await stage.served.client('/socket.io/?EIO=4&transport=websocket')
  // a token that is not good does not end the connection
  socket.send('40{"token":"none"}')
  await eventually(() => socket.seen.some(({ text }) => text.startsWith('44')), 'a refusal')
  for (let n = 0; n < 20; n++) socket.send(`40{"token":"${stage.appToken}"}`)
  // socket.io answers those that come while the first is checked, and ends who sends one afterwards
  const answers = () => socket.seen.filter(({ text }) => /^4[04]/.test(text)).length
  const ended = () => socket.ws.readyState === socket.ws.CLOSED
  await eventually(() => {
    expect(stage.served.stats('rooms').sessions).toBeLessThan(2)
    return answers() === 21 || ended()
  }, 'as many answers, or the end')
})

describe('row 48: a message nested', () => {
  const protocols = {
    '/rtc': {
      endpoint: rtc(),
      begin: (name: string) => ({ type: 'identify', data: { id: name, name } }),
      send: (x: unknown) => ({ type: 'offer', data: { target: 'bob', x } }),
    },
    '/call': {
      endpoint: call(),
      begin: (name: string) => ({ id: 'register', name }),
      send: (sdpOffer: unknown) => ({ id: 'call', to: 'bob', sdpOffer }),
    },
  }

  test.each(Object.entries(protocols))(
    'more than 100 levels deep is a bad message: %s',
    async (path, { endpoint, begin, send }) => {
      const served = await Served.start(endpoint)
      const [alice, bob] = [await served.client(path), await served.client(path)]
      alice.send(begin('alice'))
      bob.send(begin('bob'))
      await alice.settled()
      await bob.settled()
      // what is new of peers may still come
      const heard = () => bob.seen.filter(({ text }) => text.includes('[[')).length
      for (const levels of [101, 2_000, 20_000]) {
        alice.send(JSON.stringify(send('here')).replace('"here"', deep(levels)))
      }
      await alice.settled()
      expect(served.outcomes().bad_message).toBe(3)
      alice.send(JSON.stringify(send('here')).replace('"here"', deep(90)))
      await alice.settled()
      await bob.settled()
      expect(heard()).toBe(1)
      expect(served.outcomes().bad_message).toBe(3)
    },
  )

  test('more than 100 levels deep is a bad message: /relay-ws', async () => {
    const served = await Served.start(relayWs())
    const client = await served.client('/relay-ws')
    client.send(`{"type":"ls","more":${deep(101)}}`)
    await client.settled()
    expect(served.outcomes().bad_message).toBe(1)
    client.send(`{"type":"ls","more":${deep(90)}}`)
    expect(await client.next('ls')).toMatchObject({ peers: [] })
  })
})
