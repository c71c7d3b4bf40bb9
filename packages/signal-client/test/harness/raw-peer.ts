import { on, once } from 'node:events'
import { connectionPath, introductionPath, SUBPROTOCOL } from 'signal-server-protocol'
import { onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import type { Stage } from './stage.js'

/** A peer without this package: what it does is the test's own doing. */
export class RawPeer {
  private constructor(
    private readonly stage: Stage,
    private readonly id: string,
    readonly introduction: WebSocket,
  ) {}

  /** Joins `k`, and waits for the Welcome. */
  static async join(stage: Stage, id: string): Promise<RawPeer> {
    const introduction = open(stage, introductionPath(id))
    await once(introduction, 'message')
    introduction.send(JSON.stringify({ type: 'Join', join: ['k'] }))
    return new RawPeer(stage, id, introduction)
  }

  /** Waits until the server says something of this type. */
  async hears(type: string): Promise<void> {
    for await (const [data] of on(this.introduction, 'message')) {
      if ((JSON.parse(String(data)) as { type: string }).type === type) return
    }
  }

  /** A pipe on `k`, once it is paired. */
  async pipe(to: string): Promise<WebSocket> {
    const socket = open(this.stage, connectionPath(this.id, to, 'k'))
    await once(socket, 'message')
    return socket
  }
}

function open(stage: Stage, path: string): WebSocket {
  const socket = new WebSocket(stage.url.replace('http', 'ws') + path, SUBPROTOCOL)
  socket.on('error', () => {})
  onTestFinished(() => socket.terminate())
  return socket
}
