import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { ended, Stage, talk } from './harness/stage.js'

// a client asks after 20 s of rest and waits 15 s for the answer
const notice = 45_000

test('a network that goes mute is noticed, and left', { timeout: 2 * notice }, async () => {
  const stage = await Stage.open()
  const proxy = await stage.proxy()
  const pair = await stage.pair({ url: `http://127.0.0.1:${proxy.port}` })
  await talk(...pair)
  proxy.cut()
  const [alice, bob] = pair
  const [why] = await alice.told.disconnected.next('the end of patience', notice)
  expect(why.code).toBe(1006)
  await alice.told.connected.next()
  const anew = await Promise.all(pair.map(ended))
  await talk(anew[0]!, anew[1]!)
  expect((await alice.told['peer-left'].next())[2]).toBe('lost')
  expect((await bob.told['peer-left'].next())[2]).toBe('lost')
  expect(bob.told.disconnected.seen).toEqual([])
})

test('a pipe that alone goes mute is connected anew', { timeout: notice }, async () => {
  const stage = await Stage.open({ pingInterval: 3_000, pongTimeout: 3_000 })
  const proxy = await stage.proxy()
  class Divided extends WebSocket {
    constructor(url: string, protocols: string[]) {
      const port = url.includes('/connection/') ? proxy.port : stage.port
      super(url.replace(`:${stage.port}/`, `:${port}/`), protocols)
    }
  }
  const pair = await stage.pair({ WebSocket: Divided })
  await talk(...pair)
  proxy.cut()
  const anew = await Promise.all(
    pair.map(async (actor) => {
      expect((await actor.told['peer-left'].next('the loss', notice))[2]).toBe('lost')
      return ended(actor)
    }),
  )
  await talk(anew[0]!, anew[1]!)
  for (const { told } of pair) expect(told.disconnected.seen).toEqual([])
})
