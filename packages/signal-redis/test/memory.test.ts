import { readFileSync, writeFileSync } from 'node:fs'
import { clientFrame } from 'signal-test-kit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { RawSocket } from '../../signal-server/test/harness/raw-socket.js'
import { Conversation } from './harness/conversation.js'
import { Engine, hasEngine, withoutEngine } from './harness/engine.js'
import { Instance } from './harness/instance.js'

const megabyte = 1024 * 1024
const v1 = { headers: { 'Sec-WebSocket-Protocol': 'signal.v1' } }

async function upgrade({ port }: Instance, path: string): Promise<RawSocket> {
  const raw = await RawSocket.upgrade(port, path, v1)
  onTestFinished(() => {
    raw.socket.destroy()
  })
  return raw
}

/** A pipe with one side on each instance, both of which know it. */
async function pipe(near: Instance, far: Instance, name: number): Promise<[RawSocket, RawSocket]> {
  const sides = await Promise.all([
    upgrade(near, `/connection/a/b/${name}`),
    upgrade(far, `/connection/b/a/${name}`),
  ])
  await Promise.all(sides.map((side) => side.json()))
  return sides
}

const forgetPeak = ({ child }: Instance) => writeFileSync(`/proc/${child.pid}/clear_refs`, '5')

/** The most resident memory that an instance ever had since {@link forgetPeak}, in bytes. */
function peakBytes({ child }: Instance): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'latin1')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1024
}

/** They have taken what they take: nothing has changed for a while. */
async function settled(instances: readonly Instance[]): Promise<void> {
  let last = ''
  let same = 0
  await eventually(
    async () => {
      const reports = await Promise.all(instances.map((instance) => instance.report()))
      const now = JSON.stringify(
        reports.map(({ stats }) => [stats.bufferedBytes, stats.pipedBytes]),
      )
      same = now === last ? same + 1 : 0
      last = now
      return same >= 20
    },
    'rest',
    30_000,
  )
}

describe.skipIf(!hasEngine)(`memory of pipes across instances${withoutEngine}`, () => {
  test(
    'row 32: 100 readers stall on another instance: both keep within 4 MiB a pipe, and lose nothing',
    { timeout: 90_000 },
    async ({ annotate }) => {
      const engine = await Engine.start()
      const [near, far] = (await Promise.all([0, 1].map(() => Instance.start(engine.url)))) as [
        Instance,
        Instance,
      ]
      const instances = [near, far]
      const count = 100
      const pipes = await Promise.all(
        Array.from({ length: count }, (_, number) => pipe(near, far, number)),
      )
      const local = await Promise.all(
        instances.map(({ ws }, n) => Conversation.open([ws, ws], `local-${n}`)),
      )
      onTestFinished(() => local.forEach((conversation) => conversation.close()))
      const before = await Promise.all(instances.map((instance) => instance.report()))
      instances.forEach(forgetPeak)

      const payload = Buffer.alloc(8 * megabyte, 'across')
      const message = clientFrame(2, payload)
      for (const [sender, reader] of pipes) {
        reader.socket.pause()
        sender.write(message)
      }
      await settled(instances)

      for (const [n, instance] of instances.entries()) {
        const { stats } = await instance.report()
        const grown = peakBytes(instance) - before[n]!.memory.rss
        const inMegabytes = (bytes: number) => (bytes / megabyte).toFixed(1)
        await annotate(
          `${n === 0 ? 'the senders’' : 'the readers’'} instance grew by ${inMegabytes(grown)} MiB, ` +
            `of which ${inMegabytes(stats.bufferedBytes)} are counted`,
        )
        expect(grown).toBeLessThan(count * 4 * megabyte)
        expect(stats.bufferedBytes).toBeLessThan(128 * megabyte)
      }
      for (const conversation of local) {
        conversation.say()
        await eventually(() => conversation.caughtUp, 'local peers to hear each other')
      }
      const some = pipes.slice(0, 5)
      for (const [, reader] of some) reader.socket.resume()
      for (const [, reader] of some) {
        const { payload: got } = await reader.frame('what was sent', 20_000)
        expect(got.equals(payload)).toBe(true)
      }
    },
  )
})
