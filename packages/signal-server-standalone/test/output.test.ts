import { spawn, execFileSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { eventually, within } from '../../signal-server/test/harness/arrivals.js'
import { script } from './harness/command.js'
import { metrics } from './harness/metrics.js'
import { introduced, pair } from './harness/peers.js'
import { freePort } from './harness/redis.js'

type Output = number | 'ignore' | Writable

/** A server whose output goes where the test says. */
async function serve(
  stdout: Output,
  stderr: Output,
  env: Record<string, string> = {},
): Promise<{ child: ChildProcess; url: string }> {
  const port = await freePort()
  const { PATH = '' } = process.env
  const child = spawn(process.execPath, [script], {
    env: { PATH, PORT: String(port), HOST: '127.0.0.1', ...env },
    stdio: ['ignore', stdout, stderr],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const url = `http://127.0.0.1:${port}`
  const listens = async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.ok === true
  await eventually(listens, 'a server that listens', 30_000)
  return { child, url }
}

async function end(child: ChildProcess): Promise<number | null> {
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  return ((await within(ended, 'the end', 15_000)) as [number | null])[0]
}

/** Peers that meet and leave, twice: ten lines of the log. */
async function meet(url: string): Promise<void> {
  for (const key of ['one', 'two']) {
    for (const client of await introduced(url, key)) await client.close()
  }
}

const droppedLines = async (url: string, stream = 'stdout') =>
  (await metrics(url)).get(`signal_lines_dropped_total{stream="${stream}"}`) ?? 0

/** A named pipe, which a reader may open, leave and open again. */
function namedPipe() {
  const folder = mkdtempSync(join(tmpdir(), 'signal-output-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'log')
  execFileSync('mkfifo', [path])
  const open = (flags: number) => {
    const fd = openSync(path, flags | constants.O_NONBLOCK)
    onTestFinished(() => {
      try {
        closeSync(fd)
      } catch {
        // the test has closed it
      }
    })
    return fd
  }
  const chunk = Buffer.alloc(64 * 1024)
  return {
    reader: () => open(constants.O_RDONLY),
    writer: () => open(constants.O_WRONLY),
    /** What there is to read at the moment. */
    read: (fd: number): string => {
      try {
        return chunk.toString('utf8', 0, readSync(fd, chunk))
      } catch {
        return ''
      }
    },
  }
}

test.each(['1', '2'])(
  'row 56: a reader that goes away takes no pipe along (WEB_CONCURRENCY=%s)',
  async (WEB_CONCURRENCY) => {
    const head = spawn('head', ['-n', '1'], { stdio: ['pipe', 'pipe', 'inherit'] })
    const headEnded = once(head, 'exit')
    const { child, url } = await serve(head.stdin, head.stdin, {
      WEB_CONCURRENCY,
      DEBUG: 'signal:*',
    })
    head.stdin.destroy()
    const talkers = await pair(url)
    await within(headEnded, 'the end of head')
    await meet(url)
    await eventually(async () => (await droppedLines(url)) >= 8, 'the count of dropped lines')
    expect(await droppedLines(url, 'stderr')).toBeGreaterThan(0)
    talkers[0].send('still here')
    await eventually(
      () => talkers[1].seen.some(({ text }) => text === 'still here'),
      'what goes through the pipe',
    )
    for (const client of talkers) await client.close()
    expect(await end(child)).toBe(0)
  },
)

test.each(['1', '2'])(
  'row 56: a full disk ends nothing (WEB_CONCURRENCY=%s)',
  async (WEB_CONCURRENCY) => {
    const full = openSync('/dev/full', 'w')
    const { child, url } = await serve(full, full, { WEB_CONCURRENCY, DEBUG: 'signal:*' })
    closeSync(full)
    await meet(url)
    await eventually(async () => (await droppedLines(url)) >= 8, 'the count of dropped lines')
    expect(await droppedLines(url, 'stderr')).toBeGreaterThan(0)
    expect(await end(child)).toBe(0)
  },
)

test('row 56: once somebody reads again, one line says how many were dropped', async () => {
  const pipe = namedPipe()
  const first = pipe.reader()
  const writer = pipe.writer()
  const { url } = await serve(writer, 'ignore', { LOG_FORMAT: 'json' })
  closeSync(writer)
  closeSync(first)
  await meet(url)
  await eventually(async () => (await droppedLines(url)) >= 8, 'the count of dropped lines')
  const second = pipe.reader()
  let text = ''
  await meet(url)
  await eventually(() => (text += pipe.read(second)).includes('"session"'), 'lines again')
  // the pipe has kept what was written before its reader left
  const lines = text.split('\n').filter((line) => line !== '' && !line.includes('"listening"'))
  const dropped = JSON.parse(lines[0]!) as { lines: number }
  expect(dropped).toMatchObject({ event: 'dropped', level: 'warning', reason: 'EPIPE' })
  await eventually(
    async () => (await droppedLines(url)) === dropped.lines,
    `${dropped.lines} dropped lines in the metrics`,
  )
  expect(text.match(/"dropped"/g)).toHaveLength(1)
})

test(
  'row 56: output that nobody reads waits up to 1 MiB, and no more',
  { timeout: 120_000 },
  async () => {
    const pipe = namedPipe()
    const reader = pipe.reader()
    const writer = pipe.writer()
    const { child, url } = await serve('ignore', writer, { DEBUG: '*' })
    closeSync(writer)
    // Express names the path in several lines of `debug`
    const path = 'x'.repeat(8_000)
    for (let n = 0; n < 100; n++) await (await fetch(`${url}/${path}`)).text()
    expect(await droppedLines(url, 'stderr')).toBeGreaterThan(0)
    let bytes = 0
    let text = ''
    await eventually(
      () => {
        const some = pipe.read(reader)
        bytes += some.length
        text = text.slice(-10_000) + some
        return text.includes('lines could not be written')
      },
      () => `the line that says so, within ${bytes} bytes: ${text.slice(-300)}`,
      60_000,
    )
    expect(bytes).toBeLessThan(1024 * 1024 + 3 * 64 * 1024)
    expect(await end(child)).toBe(0)
  },
)
