import { existsSync, openSync } from 'node:fs'
import { crowd, RawClient } from '../clients/raw-client.js'
import { commandStorm, type Attacked } from './command-storm.js'
import { pause, type Storm } from './storm.js'

// A log that cannot be written any more.

/** Clients come, of whom the log would tell. @returns what is wrong if a newcomer is not served */
async function comeAndGo({ server, target }: Attacked): Promise<string[]> {
  const clients = await crowd(20, async (i) => {
    const client = await RawClient.open(target, `/introduction/logged-${i}`)
    client.json({ join: ['k'] })
    return client
  })
  await pause(1_000)
  const newcomer = await RawClient.open(target, '/introduction/newcomer')
  const open = clients.filter((client) => client.open).length
  if (newcomer.accepted && open === clients.length && server.alive) return []
  return [`The log: ${open} of ${clients.length} clients are left, and a newcomer is not served.`]
}

const workers = { WEB_CONCURRENCY: '2' }

/** The reader of the log goes away (EPIPE). */
const readerGone = commandStorm({
  name: 'log-reader-gone',
  row: 56,
  environment: (random) => (random.chance(0.5) ? workers : {}),
  async attack(attacked) {
    attacked.log?.destroy()
    await pause(100)
    return comeAndGo(attacked)
  },
})

/** A device on which each write fails with ENOSPC (full(4)). */
const fullDevice = '/dev/full'

/** Whether this system has one. */
export const hasFullDevice = existsSync(fullDevice)

/** The disk is full, for stdout and for stderr. */
const diskFull = () =>
  commandStorm({
    name: 'log-disk-full',
    row: 56,
    environment: (random) => ({ DEBUG: 'signal:*', ...(random.chance(0.5) ? workers : {}) }),
    output: openSync(fullDevice, 'w'),
    attack: comeAndGo,
  })

export const theLog: readonly Storm[] = [readerGone, ...(hasFullDevice ? [diskFull()] : [])]
