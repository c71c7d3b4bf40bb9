import type { Target } from '../target.js'
import { RawClient } from './raw-client.js'

/** A client of the rooms (socket.io), which has its session token. */
export class RoomClient {
  private constructor(
    readonly raw: RawClient,
    readonly id: string,
    private readonly auth: string,
  ) {}

  /** @throws Error if it is not let in */
  static async connect(target: Target): Promise<RoomClient> {
    const raw = await RawClient.open(target, '/socket.io/?EIO=4&transport=websocket')
    const { token } = target
    raw.text(`40${JSON.stringify({ token })}`)
    const [, id] = /40\{"sid":"([^"]+)"/.exec(await raw.hears(/40\{"sid":"([^"]+)"/))!
    raw.text(`42${JSON.stringify(['auth-request', { token }])}`)
    const accepted = /"auth-accept",\{"token":"([^"]+)"/
    const [, auth] = accepted.exec(await raw.hears(accepted))!
    return new RoomClient(raw, id!, auth!)
  }

  emit(event: string, fields: object): void {
    this.raw.text(`42${JSON.stringify([event, { auth: this.auth, ...fields }])}`)
  }

  /** Makes a room of its own. */
  async create(room: string): Promise<void> {
    this.emit('room-create-request', { room })
    await this.raw.hears(new RegExp(`room-create-accept".*${room}`))
  }

  /** Lets another one into a room of its own. */
  async admit(member: RoomClient, room: string): Promise<void> {
    member.emit('room-join-request', { room })
    await this.raw.hears(new RegExp(`room-join-request".*${room}`))
    this.emit('room-join-accept', { room, peer_id: member.id })
    await member.raw.hears(new RegExp(`room-join-accept".*${room}`))
  }
}
