import { Tokens } from 'signal-server'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Bystanders } from '../src/bystanders.js'
import { fuzzCase } from '../src/fuzz-case.js'
import { quiet } from '../src/quiet.js'
import { secret } from '../src/secrets.js'
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
  const token = await new Tokens({ secret }).issue({ app: 'stress' })
  const bystanders = await Bystanders.meet(server.port, token)
  for (let batch = 0; batch < 5; batch++) {
    const one = (_: unknown, i: number) => fuzzCase(server.port, 1, batch * 100 + i, token)
    const cases = Array.from({ length: 100 }, one)
    await Promise.all(cases)
    await bystanders.talk()
  }
  bystanders.close()
  await quiet(server, idle)
  expect(server.faults).toEqual([])
}, 60_000)
