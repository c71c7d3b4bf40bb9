import type { Readable } from 'node:stream'
import type { Random } from '../random.js'
import { ServerProcess } from '../server/server-process.js'
import type { Target } from '../target.js'
import type { Storm } from './storm.js'

/** A command that was started for one storm. */
export interface Attacked {
  readonly server: ServerProcess
  /** What it logs; nobody reads it yet. Null if it goes elsewhere. */
  readonly log: Readable | null
  readonly target: Target
  readonly random: Random
  readonly size: number
}

/** A storm at the command, as an operator starts it. */
export interface CommandStorm extends Pick<Storm, 'name' | 'row'> {
  /** Its settings. */
  readonly environment?: (random: Random) => Readonly<Record<string, string>>
  /** The descriptor that takes stdout and stderr. */
  readonly output?: number
  /** @returns what should not have happened; connections end with the command */
  readonly attack: (attacked: Attacked) => Promise<readonly string[]>
}

/** Starts a command for each attack, and stops it after that. */
export const commandStorm = (storm: CommandStorm): Storm => ({
  name: storm.name,
  row: storm.row,
  async run(target, random, size) {
    const { environment = () => ({}), output, attack } = storm
    const settings = { TRUST_PROXY: '1', ...environment(random) }
    const { server, log } = await ServerProcess.command(settings, target.checkout, output)
    try {
      const own = { ...target, port: server.port }
      const faults = await attack({ server, log, target: own, random, size })
      return { faults: [...faults, ...server.faults] }
    } finally {
      await server.stop()
    }
  },
})
