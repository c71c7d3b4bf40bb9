import { expect, test } from 'vitest'
import { admit, RoomStage } from './harness/room-client.js'

const app = 'an app'

/** What socket.io calls a room of the app on the server. */
const key = (room: string) => `room:${JSON.stringify([app, room])}`

/** Bob is in two rooms; Mallory is in one of them. */
async function twoRooms() {
  // what is no text is a bad message each time
  const stage = await RoomStage.start({}, { maxBadMessages: 1_000 }, app)
  const alice = await stage.owner('theirs')
  const bob = await stage.member(alice, 'theirs')
  const mallory = await stage.owner('hers')
  await admit(mallory, bob, 'hers')
  return { stage, alice, bob, mallory }
}

test('row 55: a room is nobody that a client can send to, though one of its members is', async () => {
  const { alice, bob, mallory } = await twoRooms()
  const names = [key('theirs'), key('hers'), 'theirs', 'hers', '__proto__', 'constructor', '*', '']
  for (const to of [...names, [key('theirs')], [bob.id], { id: bob.id }]) {
    for (const event of ['relay-session-description', 'relay-ice-candidate']) {
      for (const field of ['to', 'peer_id']) {
        mallory.emit(event, { room: 'hers', [field]: to })
        await mallory.settled()
      }
    }
    for (const { code } of mallory.seenOf('error').splice(0)) {
      expect(['unknown_peer', 'bad_message']).toContain(code)
    }
  }
  await Promise.all([alice.settled(), bob.settled()])
  for (const { seen } of [alice, bob, mallory]) {
    const relayed = seen.filter(({ event }) => /^(session-description|ice-candidate)$/.test(event))
    expect(relayed).toEqual([])
  }
})

test('row 55: a room that is called as another client, or as a room of the server, is its own', async () => {
  const { stage, alice, bob, mallory } = await twoRooms()
  for (const room of [alice.id, key('theirs'), '__proto__', 'constructor']) {
    mallory.emit('room-create-request', { room })
    await mallory.next('room-create-accept')
    mallory.emit('relay-ice-candidate', { room, to: alice.id, ice_candidate: 1 })
    expect(await mallory.next('error')).toMatchObject({ code: 'unknown_peer' })
    const carol = await stage.member(mallory, room)
    mallory.emit('relay-ice-candidate', { room, to: carol.id, ice_candidate: room })
    expect(await carol.next('ice-candidate')).toMatchObject({ room, ice_candidate: room })
  }
  await Promise.all([alice.settled(), bob.settled()])
  for (const { seen } of [alice, bob]) {
    expect(seen.filter(({ event }) => event === 'ice-candidate')).toEqual([])
  }
})
