/** How urgent a line of the log is. */
export const levels = ['info', 'warning', 'error'] as const
export type Level = (typeof levels)[number]

/** Fields of a line, by name. */
export type Fields = Record<string, string | number | readonly string[]>

/** Events that somebody should look at; every other event is `info`. */
const levelsOfEvents: Partial<Record<string, Level>> = {
  fault: 'error',
  'redis-down': 'error',
  replaced: 'error',
  proxy: 'warning',
  'left-out': 'warning',
  dropped: 'warning',
}

export const levelOf = (event: string): Level => levelsOfEvents[event] ?? 'info'

/**
 * One line of the log, with its date and level.
 *
 * @param format - `text` for people, in local time; `json` for programs, in UTC
 * @param sentence - for people
 * @param fields - for programs
 * @param worker - number of the worker process that writes it
 */
export function logLine(
  format: 'text' | 'json',
  event: string,
  sentence: string,
  fields: Fields,
  worker?: number,
): string {
  const now = new Date()
  const level = levelOf(event)
  if (format === 'json') {
    const line = {
      time: now.toISOString(),
      level,
      event,
      ...(worker !== undefined && { worker }),
      ...fields,
    }
    return `${JSON.stringify(line)}\n`
  }
  const from = worker === undefined ? '' : `worker ${worker}: `
  return `${localTime(now)}  ${level.padEnd(7)}  ${event.padEnd(12)}  ${from}${sentence}\n`
}

/** Such as `2026-11-26 14:03:07`. */
function localTime(now: Date): string {
  const date = [now.getFullYear(), now.getMonth() + 1, now.getDate()]
  return `${date.map((part) => String(part).padStart(2, '0')).join('-')} ${now.toTimeString().slice(0, 8)}`
}
