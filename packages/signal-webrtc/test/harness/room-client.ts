import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client'
import { rooms, type RoomsOptions } from 'signal-webrtc'
import { Tokens, type SignalServerOptions } from 'signal-server'
import { onTestFinished } from 'vitest'
import { Arrivals, eventually, within } from '../../../signal-server/test/harness/arrivals.js'
import { Served } from './serve.js'

export const tokens = new Tokens({ secret: 'a secret of at least thirty-two bytes' })

/** What an event brings: as it comes from the wire, without a type. */
export type Data = Record<string, unknown>

interface Emitted {
  event: string
  data: Data
}

/** A client of socket.io that keeps what it is sent until the test asks for it. */
export class RoomClient {
  readonly events = new Arrivals<Emitted>()
  /** Every event so far, taken or not. */
  readonly seen: Emitted[] = []
  /** The reason that the client was given for its end. */
  readonly ended: Promise<string>
  /** What `auth-accept` brought. */
  token: unknown

  private constructor(readonly socket: Socket) {
    socket.onAny((event: string, data: Data) => {
      this.seen.push({ event, data })
      this.events.push({ event, data })
    })
    this.ended = new Promise((resolve) => socket.once('disconnect', resolve))
  }

  /** Connects with an app token; rejects where the handshake is refused. */
  static async connect(
    url: string,
    token: unknown,
    options: Partial<ManagerOptions & SocketOptions> = {},
  ): Promise<RoomClient> {
    const socket = io(url, {
      transports: ['websocket'],
      auth: { token },
      forceNew: true,
      reconnection: false,
      ...options,
    })
    onTestFinished(() => {
      socket.disconnect()
    })
    const client = new RoomClient(socket)
    await within(
      new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve)
        socket.once('connect_error', reject)
      }),
      'a connection of socket.io',
    )
    return client
  }

  get id(): string {
    return this.socket.id!
  }

  /** Emits an event with the session token. */
  emit(event: string, data: Data = {}): void {
    this.socket.emit(event, { auth: this.token, ...data })
  }

  /** The next event of a name, others aside. */
  async next(event: string): Promise<Data> {
    for (;;) {
      const { event: name, data } = await this.events.next(`the event ${event}`)
      if (name === event) return data
    }
  }

  /** Asks for a session token. */
  async authorize(token: unknown, fields: Data = {}): Promise<this> {
    this.socket.emit('auth-request', { token, ...fields })
    const accepted = await this.next('auth-accept')
    this.token = accepted.token
    return this
  }

  /** Resolves when the server has carried out everything that was emitted before. */
  async settled(): Promise<void> {
    const mark = Math.random()
    this.socket.emit('auth-request', { token: 'none', payload: mark })
    while ((await this.next('auth-reject')).payload !== mark);
  }

  /** Events of a name so far. */
  seenOf(event: string): Data[] {
    return this.seen.filter((emitted) => emitted.event === event).map(({ data }) => data)
  }
}

/** A server with rooms, and clients of one app. */
export class RoomStage {
  private constructor(
    readonly served: Served,
    readonly app: string,
    readonly appToken: string,
  ) {}

  static async start(
    options: Partial<RoomsOptions> = {},
    server: SignalServerOptions = {},
    app = 'an app',
  ): Promise<RoomStage> {
    const served = await Served.start(rooms({ tokens, ...options }), server)
    return new RoomStage(served, app, await tokens.issue({ app }))
  }

  /** The same server, for clients of another app. */
  async other(app: string): Promise<RoomStage> {
    return new RoomStage(this.served, app, await tokens.issue({ app }))
  }

  /** A client with a session token. */
  async client(fields: Data = {}, options?: Partial<ManagerOptions>): Promise<RoomClient> {
    const client = await RoomClient.connect(this.served.http, this.appToken, options)
    return client.authorize(this.appToken, fields)
  }

  /** A client that has created a room. */
  async owner(room: string, fields?: Data): Promise<RoomClient> {
    const client = await this.client(fields)
    client.emit('room-create-request', { room })
    await client.next('room-create-accept')
    return client
  }

  /** A client that the owner has let in. */
  async member(owner: RoomClient, room: string, fields?: Data): Promise<RoomClient> {
    const client = await this.client(fields)
    await admit(owner, client, room)
    return client
  }
}

/** Lets the owner of a room accept a client that asks. */
export async function admit(owner: RoomClient, client: RoomClient, room: string): Promise<Data> {
  client.emit('room-join-request', { room })
  const { peer_id } = await owner.next('room-join-request')
  owner.emit('room-join-accept', { room, peer_id, to: peer_id })
  await eventually(() => client.seenOf('room-join-accept').length > 0, 'a room-join-accept')
  return client.next('room-join-accept')
}
