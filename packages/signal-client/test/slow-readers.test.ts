import { fork } from 'node:child_process'
import { on } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { ServerProcess } from '../../signal-server/test/harness/server-process.js'
import { within } from './harness/events.js'

const script = fileURLToPath(new URL('harness/stream-end.mjs', import.meta.url))
const mebibyte = 1024 * 1024

const count = 10_000
const size = 10_000
const tellEvery = 2_000

interface Progress {
  /** Messages that were missing, doubled or out of order so far. */
  wrong: number
  /** Resident memory in bytes. */
  rss: number
}

/** Starts one end; resolves with what it tells every so many messages. */
async function end(url: string, id: string, each = async () => {}): Promise<Progress[]> {
  const options = { url, id, count, size, tellEvery, pauseEvery: 100, pause: 20 }
  const child = fork(script, [JSON.stringify(options)])
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const told: Progress[] = []
  for await (const [progress] of on(child, 'message')) {
    await each()
    if (told.push(progress as Progress) === count / tellEvery) break
  }
  return told
}

test(
  'of 10,000 messages each way to two slow readers none is lost, and nobody piles them up',
  { timeout: 90_000 },
  async ({ annotate }) => {
    const server = await ServerProcess.start()
    const atServer: number[] = []
    const lookAtServer = async () => {
      atServer.push((await server.report()).memory.rss)
    }
    const [a, b] = await within(
      Promise.all([end(server.http, 'alice', lookAtServer), end(server.http, 'bob')]),
      'all messages',
      60_000,
    )
    expect([a.at(-1)!.wrong, b.at(-1)!.wrong]).toEqual([0, 0])

    const memory = [a.map(({ rss }) => rss), b.map(({ rss }) => rss), atServer]
    const inMebibytes = memory.map((curve) => curve.map((bytes) => Math.round(bytes / mebibyte)))
    await annotate(
      `MiB of RSS every ${tellEvery} messages of ${size} bytes, at one end, the other and the server: ` +
        inMebibytes.map((curve) => curve.join(', ')).join('; '),
    )
    // between the first look and the last one 76 MiB went each way
    for (const curve of memory) expect(curve.at(-1)! - curve[0]!).toBeLessThan(24 * mebibyte)
  },
)
