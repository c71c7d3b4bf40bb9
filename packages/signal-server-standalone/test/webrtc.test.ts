import { describe, expect, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { Client } from '../../signal-server/test/harness/client.js'
import { Engine, hasEngine, withoutEngine } from '../../signal-redis/test/harness/engine.js'
import { admit, RoomClient } from '../../signal-webrtc/test/harness/room-client.js'
import { Command, ws } from './harness/command.js'

const env = { APP_SECRET: 'a secret of at least thirty-two bytes', APP_PASS: 'the password' }

/** What `POST /app` gives. */
async function appToken(url: string): Promise<string> {
  const body = new URLSearchParams({ app: 'an app', password: env.APP_PASS })
  const response = await fetch(`${url}/app`, { method: 'POST', body })
  const { token } = ((await response.json()) as { response: { token: string } }).response
  return token
}

async function roomClient(url: string, token: string, below = '/socket.io'): Promise<RoomClient> {
  const { origin, pathname } = new URL(url)
  const path = `${pathname.replace(/\/$/, '')}${below}`
  const client = await RoomClient.connect(origin, token, { path })
  return client.authorize(token)
}

/** A client of one of the protocols in JSON. */
const open = (url: string, path: string, token?: string) =>
  Client.open(`${ws(url)}${token === undefined ? '' : `/t/${token}`}${path}`, [])

const first: Record<string, object> = {
  '/relay-ws': { type: 'ls' },
  '/rtc': { type: 'identify', data: { id: 'alice', name: 'Alice' } },
  '/call': { id: 'register', name: 'alice' },
}
const answers: Record<string, object> = {
  '/relay-ws': { type: 'ls', peers: [] },
  '/rtc': { type: 'ready' },
  '/call': { id: 'registerResponse', response: 'accepted' },
}

test('all protocols are there, below a path and with tokens', async () => {
  const { url } = await Command.serve({ ...env, BASE_PATH: '/signal' })
  const token = await appToken(url)
  for (const path of Object.keys(first)) {
    await expect(open(url, path), path).rejects.toThrow('401')
    const client = await open(url, path, token)
    client.send(first[path]!)
    expect(await client.json()).toMatchObject(answers[path]!)
  }
  const owner = await roomClient(url, token)
  owner.emit('room-create-request', { room: 'r' })
  await owner.next('room-create-accept')
  await admit(owner, await roomClient(url, token), 'r')
})

test('RELAY_WS, RTC, CALL and ROOMS turn each of them off', async () => {
  const off = { RELAY_WS: 'off', RTC: 'off', CALL: 'off', ROOMS: 'off' }
  const { url } = await Command.serve({ ...env, ...off })
  const token = await appToken(url)
  for (const path of Object.keys(first)) {
    await expect(open(url, path, token), path).rejects.toThrow('404')
  }
  await expect(roomClient(url, token)).rejects.toThrow()
  const { url: without } = await Command.serve()
  expect((await fetch(`${without}/socket.io/?EIO=4&transport=polling`)).status).toBe(404)
})

test('RELAY_WS, RTC, CALL and ROOMS are the paths of each', async () => {
  const moved = { RELAY_WS: '/a', RTC: '/b/', CALL: '/c/d' }
  const { url } = await Command.serve({ ...env, ...moved, ROOMS: '/e', BASE_PATH: '/signal' })
  const token = await appToken(url)
  for (const [index, path] of Object.keys(first).entries()) {
    await expect(open(url, path, token), path).rejects.toThrow('404')
    const client = await open(url, ['/a', '/b', '/c/d'][index]!, token)
    client.send(first[path]!)
    expect(await client.json()).toMatchObject(answers[path]!)
  }
  await roomClient(url, token, '/e')
  await expect(roomClient(url, token)).rejects.toThrow()
})

test('TOKEN_LIFETIME is how long a session token is good for', async () => {
  const { url } = await Command.serve({ ...env, TOKEN_LIFETIME: '1' })
  const client = await roomClient(url, await appToken(url))
  client.emit('room-create-request', { room: 'r' })
  await client.next('room-create-accept')
  const unauthorized = () => {
    client.emit('room-create-request')
    return client.seenOf('unauthorized')
  }
  await expect
    .poll(unauthorized, { timeout: 5_000, interval: 100 })
    .toContainEqual({ message: 'Token is not valid' })
})

describe.skipIf(!hasEngine)(`two instances on one REDIS_URL${withoutEngine}`, () => {
  test('share rooms, ids and names', { timeout: 60_000 }, async () => {
    const { url: REDIS_URL } = await Engine.start()
    const [one, other] = await Promise.all([
      Command.serve({ ...env, REDIS_URL }),
      Command.serve({ ...env, REDIS_URL }),
    ])
    const token = await appToken(one.url)
    const alice = await open(one.url, '/call', token)
    alice.send({ id: 'register', name: 'alice' })
    await alice.json()
    const bob = await open(other.url, '/call', token)
    await expect
      .poll(async () => {
        bob.send({ id: 'list' })
        return (await bob.json()).list
      })
      .toEqual(['alice'])

    const owner = await roomClient(one.url, token)
    const guest = await roomClient(other.url, token)
    // each of them can ask the other
    for (const [client, room] of [
      [owner, 'r'],
      [guest, 'another'],
    ] as const) {
      await eventually(async () => {
        client.emit('room-create-request', { room })
        await client.settled()
        return client.seenOf('room-create-accept').length > 0
      }, 'a room to be created')
    }
    await admit(owner, guest, 'r')
    const { id } = owner
    await one.command.end('SIGKILL')
    const gone = () => guest.seenOf('room-user-leave')
    await eventually(() => gone().length > 0, 'the members to be told', 15_000)
    expect(gone()).toEqual([{ room: 'r', peer_id: id, peerinfo: null }])
  })
})
