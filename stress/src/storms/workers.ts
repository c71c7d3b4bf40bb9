import { repeated, textFrame } from '../clients/frames.js'
import { crowd, RawClient } from '../clients/raw-client.js'
import { from, type Target } from '../target.js'
import { commandStorm } from './command-storm.js'
import { pause, type Storm } from './storm.js'

// Attacks on the messages between several workers.

const newcomers = 10
const longest = 3_000

/** @returns milliseconds until a newcomer and its peer are introduced */
async function meet(target: Target, n: number): Promise<number> {
  const start = performance.now()
  const [one, other] = await crowd(2, (i) =>
    RawClient.open(target, `/introduction/meets-${n}-${i}`, { v1: true }),
  )
  for (const client of [one!, other!]) client.json({ type: 'Join', join: [`meets-${n}`] })
  await Promise.all([one!, other!].map((client) => client.hears(/"Introduction"/)))
  one!.close()
  other!.close()
  return performance.now() - start
}

const joins = commandStorm({
  name: 'joins-on-workers',
  row: 52,
  environment: () => ({ WEB_CONCURRENCY: '2' }),
  async attack({ target, size }) {
    const attacker = from(target, '203.0.113.31')
    const clients = await crowd(100 * size, (i) =>
      RawClient.open(attacker, `/introduction/joins-${i}`, { v1: true }),
    )
    clients.forEach((client, i) => {
      const keys = Array.from({ length: 500 }, (_, n) => `joins-${i}-${n}`)
      const join = textFrame(JSON.stringify({ type: 'Join', join: keys }))
      const leave = textFrame(JSON.stringify({ type: 'Leave', leave: keys }))
      client.write(repeated(Buffer.concat([join, leave]), 6))
    })
    const faults: string[] = []
    for (let n = 0; n < newcomers && faults.length === 0; n++) {
      const took = await meet(from(target, '203.0.113.30'), n).catch(
        (error: Error) => error.message,
      )
      if (typeof took === 'string') faults.push(`A newcomer on workers: ${took}`)
      else if (took > longest) faults.push(`A newcomer on workers waited ${took.toFixed(0)} ms.`)
      await pause(300)
    }
    for (const client of clients) client.close()
    return faults
  },
})

export const workers: readonly Storm[] = [joins]
