import { readFileSync, writeFileSync } from 'node:fs'

/** Linux reports CPU time in ticks of a hundredth of a second, whatever its own timer does. */
const ticksPerSecond = 100

/** CPU seconds that a process has spent so far, user and system together. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The second field is the command in brackets, which may itself contain spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

function statusBytes(pid: number, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(
    readFileSync(`/proc/${pid}/status`, 'latin1'),
  )
  if (!match) throw new Error(`/proc/${pid}/status has no ${field}`)
  return Number(match[1]) * 1024
}

/** The processes of one server; their figures are added up. */
type Pids = readonly number[]

const sum = (pids: Pids, figure: (pid: number) => number) =>
  pids.reduce((total, pid) => total + figure(pid), 0)

/** Resident memory now, in bytes. */
export const residentBytes = (pids: Pids) => sum(pids, (pid) => statusBytes(pid, 'VmRSS'))

/** The most resident memory that there ever was since {@link forgetPeak}, in bytes. */
export const peakResidentBytes = (pids: Pids) => sum(pids, (pid) => statusBytes(pid, 'VmHWM'))

/** Starts the peak of {@link peakResidentBytes} anew. */
export function forgetPeak(pids: Pids): void {
  for (const pid of pids) writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

/** What a stretch of time cost. Busy is a share of one core. */
export interface Cost {
  seconds: number
  serverCpu: number
  serverBusy: number
  loadBusy: number
}

/** Starts measuring a server, and this process; call the result to get the cost up to then. */
export function startMeasuring(serverPids: Pids): () => Cost {
  const began = process.hrtime.bigint()
  const server = sum(serverPids, cpuSeconds)
  const load = process.cpuUsage()
  return () => {
    const seconds = Number(process.hrtime.bigint() - began) / 1e9
    const serverCpu = sum(serverPids, cpuSeconds) - server
    const { user, system } = process.cpuUsage(load)
    return {
      seconds,
      serverCpu,
      serverBusy: serverCpu / seconds,
      loadBusy: (user + system) / 1e6 / seconds,
    }
  }
}
