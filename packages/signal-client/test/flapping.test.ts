import { setInterval } from 'node:timers/promises'
import { PAIRED_TEXT } from 'signal-server-protocol'
import { expect, onTestFinished, test, vi } from 'vitest'
import { clientOf } from './harness/stage.js'
import { ScriptedServer, tell } from './harness/scripted-server.js'

// as fast as the server lets one client join and leave, for 4 s
const milliseconds = 40
const times = 100
// after pauses of 0.1, 0.2, 0.4, 0.8 and 1.6 s, each counted from the attempt before
const mostDials = 6

const introduction = { type: 'Introduction', id: 'bob', keys: ['k'] }
const departure = { type: 'Departure', id: 'bob', keys: ['k'] }

/** A client whose pauses are half of their ceilings. */
async function introducedTo(server: ScriptedServer) {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0.5)
  onTestFinished(() => random.mockRestore())
  clientOf(server.url, 'alice')
  return server.introductions.next()
}

async function repeatedly(action: (n: number) => void): Promise<void> {
  let n = 0
  for await (const step of setInterval(milliseconds, action)) {
    step(n)
    if (++n === times) return
  }
}

test('row 53: a peer that leaves and comes back all the time is not dialled each time', async () => {
  const server = await ScriptedServer.open()
  const introductions = await introducedTo(server)
  await repeatedly((n) => tell(introductions, n % 2 ? departure : introduction))
  expect(server.pipes.seen.length).toBeGreaterThan(1)
  expect(server.pipes.seen.length).toBeLessThanOrEqual(mostDials)
  // and as soon as it stays, it is dialled
  tell(introductions, introduction)
  const dials = server.pipes.seen.length
  while (server.pipes.seen.length <= dials) await server.pipes.next()
})

test('row 53: nor is one that is introduced again after each pipe that it ends', async () => {
  const server = await ScriptedServer.open()
  const introductions = await introducedTo(server)
  await repeatedly((n) => {
    for (const pipe of server.pipes.seen) {
      if (pipe.readyState !== pipe.OPEN) continue
      pipe.send(PAIRED_TEXT)
      pipe.close(n % 2 ? 1013 : 1000)
    }
    tell(introductions, introduction)
  })
  expect(server.pipes.seen.length).toBeGreaterThan(1)
  expect(server.pipes.seen.length).toBeLessThanOrEqual(mostDials)
})
