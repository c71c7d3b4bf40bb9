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

/** Resident memory of a process now, in bytes. */
export const residentBytes = (pid: number) => statusBytes(pid, 'VmRSS')

/** The most resident memory a process ever had since {@link forgetPeak}, in bytes. */
export const peakResidentBytes = (pid: number) => statusBytes(pid, 'VmHWM')

/** Starts the peak of {@link peakResidentBytes} anew. */
export const forgetPeak = (pid: number) => writeFileSync(`/proc/${pid}/clear_refs`, '5')

/** What a stretch of time cost. Busy is a share of one core. */
export interface Cost {
  seconds: number
  serverCpu: number
  serverBusy: number
  loadBusy: number
}

/** Starts measuring a server process, and this one; call the result to get the cost up to then. */
export function startMeasuring(serverPid: number): () => Cost {
  const began = process.hrtime.bigint()
  const server = cpuSeconds(serverPid)
  const load = process.cpuUsage()
  return () => {
    const seconds = Number(process.hrtime.bigint() - began) / 1e9
    const serverCpu = cpuSeconds(serverPid) - server
    const { user, system } = process.cpuUsage(load)
    return {
      seconds,
      serverCpu,
      serverBusy: serverCpu / seconds,
      loadBusy: (user + system) / 1e6 / seconds,
    }
  }
}
