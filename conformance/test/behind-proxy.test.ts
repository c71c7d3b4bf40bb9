import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SignalServer } from 'signal-server'
import { expect, onTestFinished, test } from 'vitest'
import {
  findProgram,
  startProxy,
} from '../../packages/signal-server-standalone/test/harness/proxy.js'
import { conformance } from './harness/conformance.js'

// CI installs nginx, so there a missing one is a failure
const missing = !process.env.CI && findProgram('nginx') === undefined
const whyNot = missing ? ' (not run: nginx is not installed)' : ''

/** The sentences behind a mark. */
const marked = (output: string, mark: string): string[] =>
  Array.from(
    output.matchAll(new RegExp(`^  ${mark} (.*?)(?: \\([\\d.]+ s\\))?$`, 'gm')),
    (m) => m[1]!,
  )

test.skipIf(missing)(
  `behind nginx, --behind-proxy skips what nginx answers itself, and all else passes${whyNot}`,
  { timeout: 240_000 },
  async () => {
    const server = new SignalServer({ trustProxy: 1 })
    onTestFinished(() => server.close())
    const { url } = await server.listen({ port: 0, host: '127.0.0.1' })
    const { https, ca } = await startProxy('nginx', url)
    const folder = mkdtempSync(join(tmpdir(), 'conformance-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const authority = join(folder, 'authority.pem')
    writeFileSync(authority, ca)
    const env = { NODE_EXTRA_CA_CERTS: authority }

    const args = [https, '--behind-proxy', '--patience', '15']
    const behind = await conformance(args, env)
    expect(marked(behind.output, '✗')).toEqual([])
    const skipped = marked(behind.output, '–')
    expect(behind.output).toMatch(
      new RegExp(`^(\\d+) checks: \\d+ passed, 0 failed, ${skipped.length} skipped$`, 'm'),
    )
    expect(behind.output).toMatch(/– Headers of more .*\n +A proxy has its own limit .*\.$/m)
    expect(behind.code).toBe(0)

    // no check is skipped that nginx lets the server answer
    const without = await conformance([https, '--only', '3.4', '--only', '3.5'], env)
    expect(marked(without.output, '✗').sort()).toEqual(skipped.sort())
    expect(without.code).toBe(1)
  },
)
