import { FaultyProxy } from 'signal-server/testing'
import { onTestFinished } from 'vitest'
import type { Random } from '../../../../stress/src/random.js'
import { Engine } from './engine.js'
import { Instance } from './instance.js'

/** One of several instances, with a network of its own between it and Redis. */
interface Berth {
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

  private constructor(private readonly berths: readonly Berth[]) {}

  static async start(count: number): Promise<ServersOnRedis> {
    const engine = await Engine.start()
    const berths = await Promise.all(
      Array.from({ length: count }, async (): Promise<Berth> => {
        const proxy = await FaultyProxy.open({ port: engine.port })
        onTestFinished(() => proxy.close())
        return { proxy, instance: await launch(proxy), process: 'well' }
      }),
    )
    const group = new ServersOnRedis(berths)
    onTestFinished(() => [...group.#mends.keys()].forEach((timer) => clearTimeout(timer)))
    return group
  }

  get instances(): readonly Instance[] {
    return this.berths.map(({ instance }) => instance)
  }

  /** Where a client connects that is sent to a healthy process, as balancers do. */
  place(random: Random): Instance {
    const running = this.berths.filter(({ process }) => process === 'well')
    return random.pick(running.length > 0 ? running : this.berths).instance
  }

  /** Something goes wrong somewhere; never with the processes of all. */
  misfortune(random: Random): void {
    const number = random.below(this.berths.length)
    const kind = random.pick(['kill', 'freeze', 'cut', 'stall', 'reset', 'delay'] as const)
    const time = 500 + random.below(random.chance(0.3) ? 11_000 : 3_000)
    const berth = this.berths[number]!
    const { proxy, instance } = berth
    const last = this.berths.every((each) => each === berth || each.process !== 'well')
    if (berth.process !== 'well' || (last && /kill|freeze/.test(kind))) return
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
      berth.process = 'frozen'
      void instance.kill('SIGSTOP')
      this.#later(time, () => {
        berth.process = 'well'
        void instance.kill('SIGCONT')
      })
    }
    if (kind === 'kill') {
      berth.process = 'dead'
      proxy.resume()
      const ended = instance.kill('SIGKILL')
      this.#later(time, () => {
        const launching = ended
          .then(() => launch(proxy))
          .then((next) => {
            berth.instance = next
            berth.process = 'well'
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
