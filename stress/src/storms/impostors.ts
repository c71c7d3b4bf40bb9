import { randomUUID } from 'node:crypto'
import { RoomClient } from '../clients/room-client.js'
import { crowd, RawClient } from '../clients/raw-client.js'
import { ids } from '../bystanders/protocols.js'
import { pause, type Storm } from './storm.js'

// Clients that say that they are somebody else, or speak to those whom they have not met. What they
// reach is noticed by the bystanders.

/** Sessions under the id of a bystander, on other keys than its own. */
const sessions: Storm = {
  name: 'foreign-sessions',
  row: 54,
  async run(target) {
    const clients = await crowd(2, async (i) => {
      const client = await RawClient.open(target, `/introduction/${ids[i]}`, { v1: true })
      client.json({ type: 'Join', join: ['another key'] })
      client.json({ type: 'Signal', to: ids[1 - i], signal: 'from a stranger' })
      client.json({ type: 'Announce', info: 'of a stranger' })
      return client
    })
    await pause(300)
    return { held: clients }
  },
}

/**
 * An outsider that shares a room with one member of another room, and sends to all of that other
 * one, by every name that it might have.
 */
const rooms: Storm = {
  name: 'foreign-rooms',
  row: 55,
  async run(target) {
    const clients = await Promise.all([0, 1, 2].map(() => RoomClient.connect(target)))
    const [member, hidden, outsider] = clients as [RoomClient, RoomClient, RoomClient]
    const room = `r-${randomUUID()}`
    const shared = `r-${randomUUID()}`
    await member.create(room)
    await member.admit(hidden, room)
    await outsider.create(shared)
    await outsider.admit(member, shared)
    const json = JSON.stringify(['stress', room])
    for (const to of [room, `room:${room}`, json, `room:${json}`, `stress/${room}`, '*', '']) {
      outsider.emit('relay-ice-candidate', { room: shared, to, ice_candidate: 'x' })
      outsider.emit('relay-session-description', {
        room: shared,
        peer_id: to,
        session_description: 1,
      })
    }
    await pause(300)
    const reached = /"(ice-candidate|session-description)"/.test(hidden.raw.heard)
    const faults = reached
      ? ['Rooms: an outsider reached a member of a room that it is not in.']
      : []
    return { held: clients.map(({ raw }) => raw), faults }
  },
}

export const impostors: readonly Storm[] = [sessions, rooms]
