import { afterAll, beforeAll, expect, it } from 'vitest'
import { Bystanders } from '../src/bystanders.js'
import { fuzzCase } from '../src/fuzz-case.js'
import { quiet } from '../src/quiet.js'
import { ServerProcess } from '../src/server-process.js'

let server: ServerProcess
let idle: number

beforeAll(async () => {
  const script = new URL('../dist/server.js', import.meta.url)
  server = await ServerProcess.start({ holdTime: 500, pingAfter: 500, pongWithin: 500 }, script)
  idle = (await server.report()).handles
})

afterAll(() => server.stop())

it('survives clients that send anything, while others talk undisturbed', async () => {
  const bystanders = await Bystanders.meet(server.port)
  for (let batch = 0; batch < 5; batch++) {
    const cases = Array.from({ length: 100 }, (_, i) => fuzzCase(server.port, 1, batch * 100 + i))
    await Promise.all(cases)
    await bystanders.talk()
  }
  bystanders.close()
  await quiet(server, idle)
  expect(server.faults).toEqual([])
}, 60_000)
