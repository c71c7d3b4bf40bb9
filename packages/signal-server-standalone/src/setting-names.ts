import { SettingError } from './setting-kinds.js'

// set by Kubernetes and Docker for each service beside this one: REDIS_SERVICE_HOST, CALL_PORT_80_TCP
const ofServices = /_(SERVICE_(HOST|PORT\w*)|PORT(_\d+_(TCP|UDP)\w*)?)$/
// short names are near to too many others, such as KEY and TERM
const shortest = 6
const longEnoughForTwoEdits = 10
const mostMissing = 3

/**
 * Refuses variables of the environment that look like a slip in the name of a setting. A variable is
 * left alone if the setting that it resembles is set as well, since then another program needs it.
 *
 * @param given - names of the variables that are set
 * @param known - names of all settings
 * @throws SettingError that names the setting which was probably meant
 */
export function checkNames(given: readonly string[], known: readonly string[]): void {
  const all = new Set(known)
  const set = new Set(given)
  for (const name of given) {
    if (all.has(name) || ofServices.test(name)) continue
    const meant = known.find((one) => !set.has(one) && isSlip(name, one))
    if (meant !== undefined) {
      throw new SettingError(`There is no setting ${name}. Did you mean ${meant}?`)
    }
  }
}

function isSlip(name: string, known: string): boolean {
  if (known.length < shortest) return false
  if (isCutShort(name, known)) return true
  const most = known.length < longEnoughForTwoEdits ? 1 : 2
  return Math.abs(name.length - known.length) <= most && edits(name, known) <= most
}

/** Whether the end of the last word is missing, as in `HOLD_TIME`, with a slip in the rest at most. */
function isCutShort(name: string, known: string): boolean {
  const missing = known.slice(name.length)
  if (missing === '' || missing.length > mostMissing || missing.includes('_')) return false
  return name.includes('_') && edits(name, known.slice(0, name.length)) <= 1
}

/**
 * Insertions, deletions, replacements and swaps of neighbours that lead from one text to another (the
 * optimal string alignment distance).
 */
function edits(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, n) => n)]
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1]
      const above = rows[i - 1]!
      row[j] = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      if (swapped) row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1)
    }
  }
  return rows[from.length]![to.length]!
}
