import { clientFrame } from 'signal-test-kit'
import { expect, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { RawSocket } from '../../signal-server/test/harness/raw-socket.js'
import { RoomStage } from './harness/room-client.js'

/** An owner of a room that answers nothing by itself, as behind a network that is gone. */
async function silentOwner(stage: RoomStage, room: string): Promise<RawSocket> {
  const raw = await RawSocket.upgrade(stage.served.port, '/socket.io/?EIO=4&transport=websocket')
  const emit = (event: string, data: object) =>
    raw.write(clientFrame(1, `42${JSON.stringify([event, data])}`))
  const next = async (start: string) => {
    for (;;) {
      const text = (await raw.frame(start)).payload.toString()
      if (text.startsWith(start)) return text.slice(start.length)
    }
  }
  raw.write(clientFrame(1, `40${JSON.stringify({ token: stage.appToken })}`))
  await next('40')
  emit('auth-request', { token: stage.appToken })
  const answer = await next('42["auth-accept",')
  const { token } = JSON.parse(answer.slice(0, -1)) as { token: string }
  emit('room-create-request', { auth: token, room })
  await next('42["room-create-accept"')
  return raw
}

test('row 62: rooms: an owner that comes back has its room in 3 s, while its old socket is silent', async () => {
  const stage = await RoomStage.start()
  const old = await silentOwner(stage, 'r')
  const back = await stage.client()
  back.emit('room-create-request', { room: 'r' })
  expect(await back.next('room-create-accept')).toEqual({ room: 'r' })
  await old.ended
  expect(stage.served.outcomes().half_open).toBe(1)
  expect(stage.served.stats('rooms')).toMatchObject({ sessions: 1, rooms: 1 })
})

test('row 62: rooms: an owner that shows life keeps its room, however many ask for it', async () => {
  const stage = await RoomStage.start()
  const owner = await silentOwner(stage, 'r')
  const others = await Promise.all(Array.from({ length: 10 }, () => stage.client()))
  for (const other of others) other.emit('room-create-request', { room: 'r' })
  const answered = Promise.all(others.map((other) => other.next('room-create-reject')))
  let all = false
  void answered.then(() => (all = true))
  let pings = 0
  while (!all) {
    await eventually(() => all || owner.unread > 0, 'a ping, or all answers')
    if (owner.unread === 0) break
    // one at a time: the next comes when this one was answered
    expect(owner.unread).toBe(1)
    expect(await owner.frame()).toMatchObject({ opcode: 9 })
    pings++
    owner.write(clientFrame(0xa))
  }
  expect(pings).toBeLessThan(4)
  expect(stage.served.outcomes().half_open).toBe(0)
})

test('row 62: rooms: a request to join is shown to the next owner when the first one is dead', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r')
  const second = await stage.member(owner, 'r')
  const { transport } = owner.socket.io.engine as unknown as {
    transport: { ws: { _socket: { pause(): void } } }
  }
  // as a network does that is gone: nothing is read any more, not even pings
  transport.ws._socket.pause()
  const candidate = await stage.client()
  candidate.emit('room-join-request', { room: 'r' })
  expect(await second.next('room-join-request')).toMatchObject({ peer_id: candidate.id })
  await eventually(() => second.seenOf('room-user-leave').length === 1, 'the first owner to leave')
})

test('row 62: rooms: an owner by long polling is not judged by its silence', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.client({}, { transports: ['polling'] })
  owner.emit('room-create-request', { room: 'r' })
  await owner.next('room-create-accept')
  const other = await stage.client()
  other.emit('room-create-request', { room: 'r' })
  await other.next('room-create-reject')
  expect(stage.served.outcomes().half_open).toBe(0)
})
