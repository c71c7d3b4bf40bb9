import { ALL, type DialectName } from './dialects.js'
import { Scene } from './scene.js'
import { within } from './arrivals.js'

/**
 * A dialect that a server introduces peers in. Where a check is about something else, its clients
 * speak that, so that a server that lacks one dialect does not fail in everything.
 */
export async function commonDialect(first: string, second: string): Promise<DialectName> {
  for (const dialect of ALL) if (await introduces(dialect, first, second)) return dialect
  return ALL[0]
}

async function introduces(common: DialectName, first: string, second: string): Promise<boolean> {
  const scene = new Scene({ first, second, common })
  try {
    const key = scene.unique('key')
    const alice = await scene.first.peer('any', scene.unique('alice'), key)
    const bob = await scene.second.peer('any', scene.unique('bob'), key)
    await within(Promise.all([alice.introducedTo(bob), bob.introducedTo(alice)]), '', 2_000)
    return true
  } catch {
    return false
  } finally {
    scene.end()
  }
}
