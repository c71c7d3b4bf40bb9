import type { RawResponse } from 'signal-test-kit'
import { onTestFinished } from 'vitest'
import { Client } from '../../../signal-server/test/harness/client.js'
import { RawSocket } from '../../../signal-server/test/harness/raw-socket.js'

/** A client of socket.io by long polling, each of whose requests the test decides. */
export class PollingClient {
  private constructor(
    private readonly port: number,
    private readonly path: string,
  ) {}

  /** Connects with an app token. */
  static async connect(port: number, appToken: string): Promise<PollingClient> {
    const client = await PollingClient.open(port)
    await client.send(`40${JSON.stringify({ token: appToken })}`)
    await client.poll()
    return client
  }

  /** Connects, and has no session of socket.io yet. */
  static async open(port: number): Promise<PollingClient> {
    const path = '/socket.io/?EIO=4&transport=polling'
    const opened = await (await fetch(`http://127.0.0.1:${port}${path}`)).text()
    const { sid } = JSON.parse(opened.slice(1)) as { sid: string }
    return new PollingClient(port, `${path}&sid=${sid}`)
  }

  /** Sends packets of engine.io in one request. */
  async send(...packets: string[]): Promise<void> {
    await fetch(this.#url, { method: 'POST', body: packets.join('\x1e') })
  }

  /** The packets that wait, or the next one. */
  async poll(): Promise<string[]> {
    return (await (await fetch(this.#url)).text()).split('\x1e')
  }

  /** Resolves with what an event brings, others aside. */
  async next(event: string): Promise<Record<string, unknown>> {
    for (;;) {
      for (const packet of await this.poll()) {
        if (packet === '2') await this.send('3')
        if (!packet.startsWith('42')) continue
        const [name, data] = JSON.parse(packet.slice(2)) as [string, Record<string, unknown>]
        if (name === event) return data
      }
    }
  }

  /** Starts a request and sends so much of its body; the rest never comes. */
  async sendHalf(body: string): Promise<RawSocket> {
    const length = { 'Content-Length': String(2 * body.length) }
    const raw = await this.#request('POST', length)
    raw.write(body)
    return raw
  }

  /** Sends half of a request with these packets. The function that is returned sends the rest. */
  async begin(...packets: string[]): Promise<() => void> {
    const body = Buffer.from(packets.join('\x1e'))
    const raw = await this.#request('POST', { 'Content-Length': String(body.length) })
    const half = body.length / 2
    raw.write(body.subarray(0, half))
    return () => raw.write(body.subarray(half))
  }

  /** Opens the WebSocket that replaces long polling as soon as it sends the packet `5`. */
  async probe(): Promise<Client> {
    const path = this.path.replace('transport=polling', 'transport=websocket')
    const client = await Client.open(`ws://127.0.0.1:${this.port}${path}`)
    onTestFinished(() => client.ws.terminate())
    client.send('2probe')
    await client.messages.next('the answer to the probe')
    return client
  }

  /** Asks for the packets that wait, and does not read the answer. */
  async pollUnread(): Promise<RawSocket> {
    return this.#request('GET', {}, (raw) => raw.socket.pause())
  }

  /** Asks for the packets that wait, with headers of the test. */
  async pollRaw(headers: Record<string, string>): Promise<RawResponse> {
    return (await this.#request('GET', headers)).response()
  }

  get #url(): string {
    return `http://127.0.0.1:${this.port}${this.path}`
  }

  async #request(
    method: string,
    headers: Record<string, string>,
    before: (raw: RawSocket) => void = () => {},
  ): Promise<RawSocket> {
    const raw = await RawSocket.open(this.port)
    onTestFinished(() => {
      raw.socket.destroy()
    })
    before(raw)
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    raw.write(`${method} ${this.path} HTTP/1.1\r\nHost: localhost\r\n${lines.join('')}\r\n`)
    return raw
  }
}
