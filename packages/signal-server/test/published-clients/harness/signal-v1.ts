import type { MessageEvent } from 'ws'
import { ClientHost } from './client-host.js'
import { Log } from './log.js'
import { Pipe, toMessage } from './pipe.js'
import { TestClient, type StartOptions } from './test-client.js'

export type Json = Record<string, unknown>

/** The least that speaks `signal.v1`: it follows introductions, and does not come back by itself. */
export class SignalV1Client extends TestClient {
  readonly #send: (message: Json) => void

  constructor(
    parts: ConstructorParameters<typeof TestClient>[0],
    /** Whatever the server said on the introduction. */
    readonly messages: Log<Json>,
    send: (message: Json) => void,
  ) {
    super(parts)
    this.#send = send
  }

  send(message: Json): void {
    this.#send(message)
  }
}

export function startSignalV1({ url, id }: StartOptions): SignalV1Client {
  const host = new ClientHost()
  const pipes = new Log<Pipe>()
  const messages = new Log<Json>()
  const live = new Set<string>()
  const waiting: string[] = []

  const introduction = new host.WebSocket(
    `${url}/introduction/${encodeURIComponent(id)}`,
    'signal.v1',
  )
  introduction.addEventListener('open', () => {
    for (const text of waiting.splice(0)) introduction.send(text)
  })
  introduction.addEventListener('message', ({ data }) => {
    const message = JSON.parse(toMessage(data).toString()) as Json
    messages.push(message)
    if (message.type !== 'Introduction') return
    for (const key of message.keys as string[]) connect(String(message.id), key)
  })

  const connect = (remoteId: string, key: string) => {
    const path = [id, remoteId, key].map(encodeURIComponent).join('/')
    if (live.has(path)) return
    live.add(path)
    const socket = new host.WebSocket(`${url}/connection/${path}`, 'signal.v1')
    socket.addEventListener('close', () => live.delete(path))
    const onFirst = ({ data }: MessageEvent) => {
      if (data !== '{"type":"Paired"}') {
        throw new Error(`Paired comes before anything else, not ${toMessage(data).toString()}`)
      }
      pipes.push(new Pipe(remoteId, key, socket))
    }
    socket.addEventListener('message', onFirst, { once: true })
  }

  const send = (message: Json) => {
    const text = JSON.stringify(message)
    if (introduction.readyState === introduction.OPEN) introduction.send(text)
    else waiting.push(text)
  }

  return new SignalV1Client(
    {
      generation: 'signal.v1',
      url,
      id,
      host,
      pipes,
      join: (key) => send({ type: 'Join', join: [key] }),
      leave: (key) => send({ type: 'Leave', leave: [key] }),
      disconnect: () => {
        for (const socket of host.connections.items) socket.close()
        introduction.close()
      },
    },
    messages,
    send,
  )
}
