import { errorSentence, type Json } from 'signal-server-protocol'
import { nestedTooDeep, reportFault, Unreachable, type EndpointContext } from 'signal-server'
import { v4 as uuid } from 'uuid'
import { isFields, text, type Fields } from '../json/fields.js'
import { sendingBytes } from '../json/rate.js'
import { Refusal } from '../json/refusal.js'
import { sizeOf } from './event-size.js'
import type { Authorization } from './authorization.js'
import type { RoomsSettings } from './options.js'
import type { Rooms } from './rooms.js'
import type { Session } from './session.js'

/** What a client has emitted. */
export interface RoomEvent {
  /** A string, unless the client is hostile. */
  readonly name: unknown
  readonly data: unknown
}

/** Carries out what clients emit, and answers in the words of the protocol. */
export class RoomEvents {
  readonly #badMessages = new WeakMap<Session, number>()

  constructor(
    private readonly rooms: Rooms,
    private readonly authorization: Authorization,
    private readonly context: EndpointContext,
    private readonly settings: RoomsSettings,
  ) {}

  /** Resolves when it is done; whatever goes wrong is told to the client, and to nobody else. */
  async carryOut(session: Session, { name, data }: RoomEvent): Promise<void> {
    const fields = isFields(data) ? data : { token: data }
    try {
      if (typeof name !== 'string') {
        throw new Refusal('bad_message', 'The name of an event must be a string.')
      }
      if (nestedTooDeep(data)) throw new Refusal('bad_message', 'The data are nested too deeply.')
      if (name === 'auth-request') return await this.#authorize(session, fields)
      if (!session.accepts(fields.auth)) {
        session.socket.emit('unauthorized', { message: 'Token is not valid' })
        return
      }
      await this.#authorized(session, name, fields)
    } catch (error) {
      this.#refuse(session, name, fields, this.#refusalFrom(error))
    }
  }

  async #authorize(session: Session, fields: Fields): Promise<void> {
    const { peerinfo, payload } = fields
    this.#checkPayload(session, payload)
    const { maxInfoBytes } = this.context.settings
    this.#checkSize('peerinfo', peerinfo, maxInfoBytes)
    // the peerinfo of many members comes in one event, which may have ten attachments
    if (sizeOf([peerinfo], maxInfoBytes).attachments > 0) {
      throw new Refusal('bad_message', 'The peerinfo must be JSON, without bytes.')
    }
    const token = await this.authorization.sessionToken(session, fields.token)
    if (peerinfo !== undefined) {
      session.socket.data.peerinfo = peerinfo as Json
      this.rooms.changed(session)
    }
    session.socket.emit('auth-accept', { token, payload })
  }

  async #authorized(session: Session, name: string, fields: Fields): Promise<void> {
    const { payload } = fields
    this.#checkPayload(session, payload)
    switch (name) {
      case 'room-create-request': {
        const unnamed = fields.room === undefined || fields.room === null || fields.room === ''
        const room = unnamed ? uuid() : this.#room(session, fields)
        this.#checkNumber(session)
        return this.rooms.create(session, { room, payload })
      }
      case 'room-join-request': {
        const room = this.#room(session, fields)
        this.#checkNumber(session)
        return this.rooms.ask(session, { room, payload })
      }
      case 'room-join-accept':
      case 'room-join-reject': {
        const room = this.#room(session, fields)
        const accepted = name === 'room-join-accept'
        return this.rooms.decide(session, { room, payload }, peerOf(fields), accepted)
      }
      case 'relay-session-description': {
        const { session_description } = fields
        return this.#relay(session, fields, 'session-description', { session_description })
      }
      case 'relay-ice-candidate': {
        const { ice_candidate } = fields
        return this.#relay(session, fields, 'ice-candidate', { ice_candidate })
      }
      default:
        throw new Refusal('bad_message', 'This event is not one of this protocol.')
    }
  }

  async #relay(session: Session, fields: Fields, event: string, content: Fields): Promise<void> {
    const { id, peerinfo } = session
    const { payload } = fields
    const room = this.#room(session, fields)
    const to = await this.rooms.checkShared(session, room, peerOf(fields))
    const data = { room, peer_id: id, ...content, peerinfo, payload }
    this.rooms.say(session, room, to, event, data)
  }

  #room({ grant }: Session, fields: Fields): string {
    const room = text(fields, 'room', this.context.settings.maxKeyBytes)
    if (grant.allowsKey?.(room) === false) throw new Refusal('forbidden', errorSentence.forbidden)
    return room
  }

  #checkNumber(session: Session): void {
    const { maxRooms } = this.settings
    if (Object.keys(session.rooms).length + this.rooms.asked(session) < maxRooms) return
    throw new Refusal('too_many_keys', `A client is in at most ${maxRooms} rooms.`)
  }

  /** Checks what goes to another client or back, which counts against the rate of its sender. */
  #checkPayload(session: Session, payload: unknown): void {
    session.charge(sendingBytes)
    session.charge(this.#checkSize('payload', payload, this.settings.maxPayloadBytes))
  }

  /** @returns how many bytes a value has as JSON */
  #checkSize(name: string, value: unknown, maxBytes: number): number {
    const bytes = value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value))
    if (bytes <= maxBytes) return bytes
    throw new Refusal('info_too_big', `The ${name} has more than ${maxBytes} bytes.`)
  }

  #refuse(session: Session, name: unknown, fields: Fields, { code, message }: Refusal): void {
    const { socket } = session
    const room = textOrNothing(fields.room)
    const peer_id = textOrNothing(fields.peer_id)
    // what was too big, or of no use, does not come back
    const payload = code === 'info_too_big' || code === 'bad_message' ? undefined : fields.payload
    if (name === 'auth-request') socket.emit('auth-reject', { message, payload })
    else if (name === 'room-create-request') socket.emit('room-create-reject', { message, payload })
    else if (name === 'room-join-request') socket.emit('room-join-reject', { message, payload })
    else socket.emit('error', { code, message, event: String(name).slice(0, 100), room, peer_id })
    if (code === 'bad_message') this.#countBadMessage(session)
  }

  #countBadMessage(session: Session): void {
    const { outcomes, settings } = this.context
    const count = (this.#badMessages.get(session) ?? 0) + 1
    this.#badMessages.set(session, count)
    outcomes.count('bad_message')
    if (count < settings.maxBadMessages) return
    outcomes.count('too_many_bad_messages')
    session.socket.disconnect(true)
  }

  #refusalFrom(error: unknown): Refusal {
    if (error instanceof Refusal) return error
    if (error instanceof Unreachable) return new Refusal('server_full', error.message)
    if (error instanceof RangeError) {
      // what the client's JSON can nest, the server's has no stack to write
      return new Refusal('bad_message', 'The message is nested too deeply.')
    }
    reportFault(this.context.events, error)
    return new Refusal('server_full', 'The server could not carry this out.')
  }
}

/** What goes back in a refusal is never more than a text. */
const textOrNothing = (value: unknown) => (typeof value === 'string' ? value : undefined)

/** Whom an event is for: the protocol has two fields for it. */
const peerOf = (fields: Fields): string => text(fields, fields.to === undefined ? 'peer_id' : 'to')
