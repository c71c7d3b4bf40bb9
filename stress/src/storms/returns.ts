import { randomUUID } from 'node:crypto'
import { RawClient } from '../clients/raw-client.js'
import { pause, type Storm } from './storm.js'

// Clients that come back: after their network was lost, and after another tab has closed.

const answerTime = 6_000

/** The holder of a name reads nothing and answers nothing any more; its owner comes back. */
const lostNames: Storm = {
  name: 'lost-names',
  row: 62,
  async run(target) {
    const name = randomUUID()
    const register = { id: 'register', name }
    const identify = { type: 'identify', data: { id: name, name } }
    const known = { type: 'identify', data: { id: `${name} 2`, name } }
    const lost = [
      await RawClient.open(target, '/call'),
      await RawClient.open(target, '/rtc'),
    ] as const
    lost[0].json(register)
    lost[1].json(identify)
    await lost[0].hears(/accepted/)
    const watcher = await RawClient.open(target, '/rtc')
    watcher.json(known)
    await watcher.hears(new RegExp(name))
    for (const client of lost) client.deafen()

    const back = [
      await RawClient.open(target, '/call'),
      await RawClient.open(target, '/rtc'),
    ] as const
    const [caller, rtc] = back
    const faults = await Promise.all([
      tries(caller, register, 'accepted', '/call: a lost name was not given back.'),
      tries(rtc, identify, `${name} 2`, '/rtc: a lost id was not given back.'),
    ])
    return { held: [...lost, ...back, watcher], faults: faults.flat() }
  },
}

/** Asks again and again. @returns the fault if it is not answered as it should be */
async function tries(
  client: RawClient,
  message: object,
  wanted: string,
  fault: string,
): Promise<string[]> {
  const until = Date.now() + answerTime
  while (Date.now() < until && !client.heard.includes(wanted)) {
    client.json(message)
    await pause(500)
  }
  return client.heard.includes(wanted) ? [] : [fault]
}

/** Two tabs have one id; the newer one, which has the introductions, goes. */
const twoTabs: Storm = {
  name: 'two-tabs',
  row: 63,
  async run(target) {
    const [id, other, key] = [randomUUID(), randomUUID(), randomUUID()]
    const open = async (name: string) => {
      const client = await RawClient.open(target, `/introduction/${name}`, { v1: true })
      client.json({ type: 'Join', join: [key] })
      return client
    }
    const peer = await open(other)
    const stays = await open(id)
    await stays.hears(new RegExp(`Introduction.*${other}`))
    const goes = await open(id)
    await goes.hears(new RegExp(`Introduction.*${other}`))
    const times = (client: RawClient, name: string) =>
      client.heard.split('"Introduction"').filter((part) => part.includes(name)).length
    const before = times(stays, other)
    goes.close()
    const until = Date.now() + answerTime
    while (Date.now() < until && times(stays, other) === before) await pause(100)
    const again = times(stays, other) > before
    const faults = again ? [] : ['Two tabs: the one that stays was not introduced again.']
    return { held: [peer, stays], faults }
  },
}

export const returns: readonly Storm[] = [lostNames, twoTabs]
