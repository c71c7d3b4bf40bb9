import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { Target } from './load-socket.js'
import { elapse } from './pairs.js'
import { emptyTally, LoadSession, type Tally } from './sessions.js'

/** Few enough pings a session that no limit on them slows it; a hundred a second in all. */
const [count, interval] = [5, 50]

/** The numbers of bystanders begin here, above those of all other peers. */
const firstNumber = 1_000_000

/**
 * Sessions that do nothing but ping, to see for how long the server answers nobody. They live in a
 * thread of their own, so that what delays the rest of the load does not delay them.
 */
export class Bystanders {
  private constructor(private readonly worker: Worker) {}

  /** Resolves when all of them have a session. */
  static async start(target: Target): Promise<Bystanders> {
    const worker = new Worker(new URL(import.meta.url), { workerData: target })
    await once(worker, 'message')
    return new Bystanders(worker)
  }

  /** Ends them. How long each ping waited for its pong, in milliseconds. */
  async stop(): Promise<number[]> {
    this.worker.postMessage('stop')
    const [delays] = (await once(this.worker, 'message')) as [number[]]
    await this.worker.terminate()
    return delays
  }
}

async function run(target: Target): Promise<void> {
  const delays: number[] = []
  const ping = (session: LoadSession, tally: Tally) => {
    const sent = performance.now()
    const pongs = tally.pongs
    tally.onCount = () => {
      if (tally.pongs === pongs) return
      tally.onCount = undefined
      delays.push(performance.now() - sent)
      setTimeout(ping, interval, session, tally)
    }
    session.ping()
  }
  for (let number = 0; number < count; number++) {
    const tally = emptyTally()
    const session = await LoadSession.open(target, firstNumber + number, tally)
    setTimeout(ping, (number * interval) / count, session, tally)
  }
  parentPort!.postMessage('ready')
  await once(parentPort!, 'message')
  // What is on its way counts, too.
  await elapse(0.1)
  parentPort!.postMessage(delays)
}

if (!isMainThread) await run(workerData as Target)
