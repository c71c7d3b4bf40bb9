import { spawnSync } from 'node:child_process'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { bundleForBrowsers } from './harness/bundle.js'

// the last of them for what is said when something is wrong, and for events on any platform
test('a page gets at most 6 KiB, minified and compressed', async ({ annotate }) => {
  const { code } = bundleForBrowsers()
  const size = gzipSync(code, { level: 9 }).length
  await annotate(`${size} bytes, of ${code.length} before compression`)
  expect(size).toBeLessThanOrEqual(6 * 1024)
})

test('a page gets nothing that is made for Node, and nothing of others', () => {
  // esbuild refuses Node's own modules where it bundles for browsers
  const { code, inputs } = bundleForBrowsers({ minify: false })
  const packages = inputs
    .filter((path) => path !== '<stdin>')
    .map((path) => path.split('/dist/')[0])
  expect([...new Set(packages)].sort()).toEqual([
    'packages/signal-client',
    'packages/signal-server-protocol',
  ])
  expect(code).not.toMatch(/\brequire\(|\bprocess\.|\bBuffer\b|node:/)
})

test('Node gets a client that needs nothing else', () => {
  const program = `
    import { Client, SignalError } from 'signal-client'
    const client = new Client({ url: 'ws://127.0.0.1:9' })
    client.on('disconnected', async ({ code }) => {
      await client.close()
      console.log(code, client.state, typeof SignalError, typeof WebSocket)
    })`
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--no-experimental-websocket', '--input-type=module', '-e', program],
    { cwd: import.meta.dirname, encoding: 'utf8', timeout: 15_000 },
  )
  expect(stderr).toBe('')
  expect(stdout.trim()).toBe('1006 closed function undefined')
})
