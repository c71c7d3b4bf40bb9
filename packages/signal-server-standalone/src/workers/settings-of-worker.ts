import type { Settings } from '../settings.js'

/** What is limited in all, and by address. */
const shared = [
  'maxSockets',
  'maxSocketsPerAddress',
  'maxUpgradesPerSecond',
  'maxRegistrations',
  'maxBufferedBytes',
] as const

/** What one of several workers is told: of what is limited for all together it gets its part. */
export function settingsOfWorker(settings: Settings): Settings {
  const server = { ...settings.server }
  for (const name of shared) {
    const limit = server[name]
    if (limit !== undefined) server[name] = Math.ceil(limit / settings.workers)
  }
  return { ...settings, server }
}
