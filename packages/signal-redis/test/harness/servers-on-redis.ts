import { FaultyProxy } from 'signal-server/testing'
import { onTestFinished } from 'vitest'
import type { Random } from '../../../../stress/src/random.js'
import { Engine } from './engine.js'
import { Instance } from './instance.js'

/** One of several instances, with a network of its own between it and Redis. */
interface Slot {
  readonly proxy: FaultyProxy
  instance: Instance
  /** What is wrong with its process at the moment. */
  process: 'well' | 'frozen' | 'dead'
}

/** Instances on one Redis, and what can go wrong with them. */
export class ServersOnRedis {
  /** What has gone wrong so far, in words. */
  readonly log: string[] = []
  readonly #begin = performance.now()
  /** How each fault is to be ended. */
  readonly #mends = new Map<NodeJS.Timeout, () => void>()
  readonly #launching = new Set<Promise<unknown>>()

  private constructor(private readonly slots: readonly Slot[]) {}

  static async start(count: number): Promise<ServersOnRedis> {
    const engine = await Engine.start()
    const slots = await Promise.all(
      Array.from({ length: count }, async (): Promise<Slot> => {
        const proxy = await FaultyProxy.open({ port: engine.port })
        onTestFinished(() => proxy.close())
        return { proxy, instance: await launch(proxy), process: 'well' }
      }),
    )
    const group = new ServersOnRedis(slots)
    onTestFinished(() => [...group.#mends.keys()].forEach((timer) => clearTimeout(timer)))
    return group
  }

  get instances(): readonly Instance[] {
    return this.slots.map(({ instance }) => instance)
  }

  /** Where a client connects that is sent to a healthy process, as balancers do. */
  place(random: Random): Instance {
    const running = this.slots.filter(({ process }) => process === 'well')
    return random.pick(running.length > 0 ? running : this.slots).instance
  }

  /** Something goes wrong somewhere; never with the processes of all. */
  misfortune(random: Random): void {
    const number = random.below(this.slots.length)
    const kind = random.pick(['kill', 'freeze', 'cut', 'stall', 'reset', 'delay'] as const)
    const time = 500 + random.below(random.chance(0.3) ? 11_000 : 3_000)
    const slot = this.slots[number]!
    const { proxy, instance } = slot
    const last = this.slots.every((each) => each === slot || each.process !== 'well')
    if (slot.process !== 'well' || (last && /kill|freeze/.test(kind))) return
    const at = Math.round(performance.now() - this.#begin)
    this.log.push(`${at} ms: ${kind} ${number}, ${time} ms`)
    if (kind === 'cut') proxy.cut()
    if (kind === 'reset') {
      // what is under way at that moment is lost
      proxy.delay(100)
      this.#later(200, () => {
        proxy.reset()
        proxy.delay(0)
      })
    }
    if (kind === 'stall') {
      proxy.stall()
      this.#later(time, () => proxy.resume())
    }
    if (kind === 'delay') {
      proxy.delay(random.below(200))
      this.#later(time, () => proxy.delay(0))
    }
    if (kind === 'freeze') {
      slot.process = 'frozen'
      void instance.kill('SIGSTOP')
      this.#later(time, () => {
        slot.process = 'well'
        void instance.kill('SIGCONT')
      })
    }
    if (kind === 'kill') {
      slot.process = 'dead'
      proxy.resume()
      const ended = instance.kill('SIGKILL')
      this.#later(time, () => {
        const launching = ended
          .then(() => launch(proxy))
          .then((next) => {
            slot.instance = next
            slot.process = 'well'
            this.#launching.delete(launching)
          })
        this.#launching.add(launching)
      })
    }
  }

  /** All that is wrong is put right at once; resolves when every process runs. */
  async heal(): Promise<void> {
    for (const [timer, mend] of [...this.#mends]) {
      clearTimeout(timer)
      mend()
    }
    this.#mends.clear()
    await Promise.all(this.#launching)
  }

  #later(milliseconds: number, mend: () => void): void {
    const timer = setTimeout(() => {
      this.#mends.delete(timer)
      mend()
    }, milliseconds)
    this.#mends.set(timer, mend)
  }
}

const launch = (proxy: FaultyProxy) => Instance.start(`redis://127.0.0.1:${proxy.port}`)
