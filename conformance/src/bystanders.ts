import { randomUUID } from 'node:crypto'
import { within } from './arrivals.js'
import { Failure } from './failure.js'
import type { Participant } from './participant.js'
import { Scene, type Subject } from './scene.js'
import { text, type Socket } from './socket.js'

/** Peers that have nothing to do with a check: two that are piped, and two that wait for others. */
export class Bystanders {
  private constructor(
    private readonly scene: Scene,
    private readonly key: string,
    private readonly pair: readonly [Socket, Socket],
    private readonly waiting: Participant,
  ) {}

  static async meet(subject: Subject): Promise<Bystanders> {
    const scene = new Scene(subject)
    try {
      const key = scene.unique('bystanders')
      const pair = await scene.pair()
      const waiting = await scene.first.peer('any', scene.unique('bystander'), key)
      return new Bystanders(scene, key, pair, waiting)
    } catch (error) {
      scene.end()
      throw error
    }
  }

  /** @throws Failure where one of them has lost anything */
  async expectUndisturbed(): Promise<void> {
    const gone = [...this.pair, this.waiting.socket].some((socket) => !socket.open)
    if (gone) throw new Failure('a bystander was disconnected')
    const newcomer = await this.scene.second.introduction(this.scene.unique('newcomer'), 'any')
    newcomer.join(this.key)
    await within(
      Promise.all([talk(this.pair), this.waiting.introducedTo(newcomer)]),
      'what bystanders say',
    )
  }

  leave(): void {
    this.scene.end()
  }
}

async function talk([a, b]: readonly [Socket, Socket]): Promise<void> {
  const [there, back] = [text(randomUUID()), text(randomUUID())]
  a.send(there)
  await b.expect(there)
  b.send(back)
  await a.expect(back)
}
