import { readFileSync } from 'node:fs'

// Measures the process in which it is imported, and answers 'report' on its IPC channel.

/** What a process says about itself. */
export interface Vitals {
  /** CPU time of the main thread in the longest turn of the event loop since the last report, in ms. */
  turn: number
  /** The longest delay of a timer since the last report, in ms; other processes lengthen it too. */
  lag: number
  /** Resident memory after a collection, in bytes. */
  rss: number
  /** Heap in use after a collection, in bytes. */
  heap: number
  /** What keeps the process busy: sockets, timers and the like. */
  handles: number
  /** The kinds of these, as Node names them. */
  kinds: readonly string[]
}

const interval = 10
const schedule = `/proc/${process.pid}/task/${process.pid}/schedstat`

/** CPU time of the main thread, in ms; of the whole process where the system does not tell. */
function cpuTime(): number {
  try {
    return Number(readFileSync(schedule, 'latin1').split(' ')[0]) / 1e6
  } catch {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e3
  }
}

let turn = 0
let lag = 0
let lastCpu = cpuTime()
let lastTick = performance.now()

function tick(): void {
  const now = performance.now()
  const cpu = cpuTime()
  // between two ticks the loop may run freely for one interval
  turn = Math.max(turn, cpu - lastCpu - interval)
  lag = Math.max(lag, now - lastTick - interval)
  lastCpu = cpu
  lastTick = now
}

// Node opens them when they are first looked at, as a stream that is piped does: they would count as
// left behind
void [process.stdout, process.stderr]

// the channel and the timer must not keep a process alive that wants to end
setInterval(tick, interval).unref()
process.channel?.unref()

/**
 * Answers 'report' with the vitals of this process.
 * @param more - what else is to be told
 */
export function answerReports(more: () => object = () => ({})): void {
  process.on('message', (message) => {
    if (message !== 'report') return
    tick()
    const longest = { turn, lag }
    globalThis.gc?.()
    const { rss, heapUsed } = process.memoryUsage()
    const kinds = process.getActiveResourcesInfo()
    const vitals = { ...longest, rss, heap: heapUsed, handles: kinds.length, kinds }
    process.send?.({ report: { ...vitals, ...more() } })
    // the collection above is a turn of the probe, not of the server
    tick()
    turn = lag = 0
  })
}
