import type { Channel, Ending } from '../../../src/link/channel.js'

/** What is known of what one end sends on a channel. */
interface Sent {
  readonly name: string
  /** The session that sends it. */
  readonly session: string
  readonly channel: Channel
  readonly texts: string[]
  /** The channel of the other end on which it arrives. */
  receiver: Channel | undefined
  arrived: number
}

/** Checks that what is sent arrives once, in order, on the same channel. */
export class Conversations {
  readonly faults: string[] = []
  readonly #sent = new Map<Channel, Sent>()
  readonly #byName = new Map<string, Sent>()
  readonly #from = new Map<Channel, Sent>()
  #count = 0

  fail(fault: string): void {
    if (this.faults.length < 20) this.faults.push(fault)
  }

  /** @param session - of the end */
  opened(end: string, session: string, channel: Channel): void {
    const name = `${end}/${++this.#count}`
    const sent: Sent = { name, session, channel, texts: [], receiver: undefined, arrived: 0 }
    this.#sent.set(channel, sent)
    this.#byName.set(name, sent)
  }

  /** Sends the next message on a channel. */
  send(channel: Channel, size: number, isText: boolean): void {
    const sent = this.#sent.get(channel)!
    if (channel.state !== 'open') return
    const text = `${sent.name} ${sent.texts.length} `.padEnd(size, '.')
    sent.texts.push(text)
    channel.send(isText ? text : new TextEncoder().encode(text))
  }

  received(end: string, channel: Channel, data: string | Uint8Array): void {
    const text = typeof data === 'string' ? data : new TextDecoder().decode(data)
    const [name = '', number = ''] = text.split(' ', 2)
    const sent = this.#byName.get(name)
    if (!sent) return this.fail(`${end}: a message that nobody sent: ${text.slice(0, 40)}`)
    sent.receiver ??= channel
    if (!this.#from.has(channel)) this.#from.set(channel, sent)
    if (sent.receiver !== channel || this.#from.get(channel) !== sent) {
      this.fail(`${end}: ${name} ${number} arrived on another channel`)
    }
    if (channel.session !== sent.session) this.fail(`${end}: ${name} is of another session`)
    if (Number(number) !== sent.arrived) {
      this.fail(`${end}: ${name} ${number} arrived, ${sent.arrived} was expected`)
    } else if (sent.texts[sent.arrived] !== text) this.fail(`${end}: ${name} ${number} is damaged`)
    sent.arrived = Number(number) + 1
  }

  closed(channel: Channel, why: Ending['why']): void {
    const sent = this.#sent.get(channel)
    const isComplete = sent && sent.arrived === sent.texts.length
    // the other end drops what comes once its own app has closed
    const isWanted = sent?.receiver?.state === 'open' || sent?.receiver?.ending?.why === 'left'
    if (why === 'closed' && isWanted && !isComplete) {
      this.fail(`${sent.name} is closed, but ${sent.texts.length - sent.arrived} have not arrived`)
    }
  }

  /** The channel of the other end, as far as messages have shown it. */
  other(channel: Channel): Channel | undefined {
    return this.#sent.get(channel)?.receiver ?? this.#from.get(channel)?.channel
  }

  /** How many messages have not arrived that were sent on a channel. */
  missing(channel: Channel): number {
    const sent = this.#sent.get(channel)
    return sent ? sent.texts.length - sent.arrived : 0
  }
}
