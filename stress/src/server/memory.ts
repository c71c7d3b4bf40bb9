import { readFileSync } from 'node:fs'

/** Resident memory of a process, in bytes. */
export interface Memory {
  now: number
  /** The most since the process began. */
  peak: number
}

/** Reads `/proc/<pid>/status` (proc(5)): undefined where there is none. */
export function memoryOf(pid: number): Memory | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const kibibytes = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1])
    return { now: kibibytes('VmRSS') * 1_024, peak: kibibytes('VmHWM') * 1_024 }
  } catch {
    return undefined
  }
}
