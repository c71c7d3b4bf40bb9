import { WebSocket } from 'ws'
import type { Fields } from '../../../signal-server/test/harness/client.js'
import type { Campaign } from './wanderer.js'

/** A peer that is introduced again and again, from anywhere; it keeps in mind who is there. */
export class Roamer {
  /** Who is there, as far as it was told. */
  readonly view = new Set<string>()
  #ws: WebSocket | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(
    private readonly campaign: Campaign,
    readonly id: string,
    readonly room: string,
  ) {
    this.#connect()
  }

  /** Now and then it comes again from elsewhere. */
  act(): void {
    const { random, over } = this.campaign
    if (over || !random.chance(0.003)) return
    if (random.chance(0.5)) this.#ws?.terminate()
    else this.#ws?.close()
  }

  /** Goes for good. */
  end(): void {
    clearTimeout(this.#timer)
    this.#ws?.removeAllListeners('close')
    this.#ws?.terminate()
  }

  #connect(): void {
    const url = `${this.campaign.place()}/introduction/${this.id}`
    const ws = new WebSocket(url, ['signal.v1'], { handshakeTimeout: 3_000 })
    this.#ws = ws
    this.view.clear()
    ws.on('error', () => {})
    ws.on('open', () => ws.send(JSON.stringify({ type: 'Join', join: [this.room] })))
    ws.on('message', (data: Buffer) => {
      const { type, id } = JSON.parse(data.toString()) as Fields
      if (type === 'Introduction') this.view.add(id as string)
      if (type === 'Departure') this.view.delete(id as string)
    })
    ws.on('close', () => {
      this.#timer = setTimeout(() => this.#connect(), 10 + this.campaign.random.below(300))
    })
  }
}
