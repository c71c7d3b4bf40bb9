import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { generate } from 'selfsigned'
import { LocalBus, SignalServer, Tokens, type SignalServerOptions } from 'signal-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { conformance } from './harness/conformance.js'

const publishedServer = fileURLToPath(new URL('published-server.mjs', import.meta.url))

async function listening(
  options: SignalServerOptions = {},
  where: Parameters<SignalServer['listen']>[0] = {},
): Promise<string> {
  const server = new SignalServer(options)
  onTestFinished(() => server.close())
  return (await server.listen({ port: 0, ...where })).url
}

describe('yarn conformance', { timeout: 60_000 }, () => {
  test('lists what passed, by section, and sums it up', async () => {
    const url = await listening()
    const { code, output } = await conformance([url, '--only', '§2.1', '--only', '9.1'])
    expect(output).toMatch(/^§2\.1 Endpoints \((\d+) of \1\)$/m)
    expect(output).toMatch(/^§9\.1 Sizes and numbers \((\d+) of \1\)$/m)
    expect(output).toContain('  ✓ A query string has no meaning\n')
    expect(output).toMatch(/^(\d+) checks: \1 passed, 0 failed$/m)
    expect(output).not.toMatch(/^§7/m)
    expect(code).toBe(0)
  })

  test('tests two instances of one server', async () => {
    const bus = new LocalBus()
    const [first, second] = [await listening({ bus }), await listening({ bus })]
    const { code, output } = await conformance([first, '--second', second, '--only', '7.5'])
    expect(output).toMatch(/^(\d+) checks: \1 passed, 0 failed$/m)
    expect(code).toBe(0)
  })

  test('finds two servers out that have nothing to do with each other', async () => {
    const [first, second] = [await listening(), await listening()]
    const args = ['--second', second, '--only', '7.3', '--patience', '0.5']
    const { code, output } = await conformance([first, ...args])
    expect(output).toMatch(/✗ Both clients .*\n +\S.* did not come within 0\.5 s$/m)
    expect(code).toBe(1)
  })

  test('tests a server below a path that asks for a token', async () => {
    const tokens = new Tokens({ secret: 'x'.repeat(32) })
    const url = await listening({ authorize: tokens.authorize }, { path: '/signal' })
    const sections = ['2.2', '3.2', '3.5', '3.6', '4.2', '7.1'].flatMap((section) => [
      '--only',
      section,
    ])
    const base = `${url}/t/${await tokens.issue({ app: 'app' })}`
    const { code, output } = await conformance([base, ...sections])
    expect(output).toMatch(/^(\d+) checks: \1 passed, 0 failed$/m)
    expect(code).toBe(0)

    const without = await conformance([url])
    expect(without).toMatchObject({ code: 1, output: expect.stringContaining('401') })
  })

  test('tests a server over TLS, frame by frame', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'conformance-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
      extensions: [
        { name: 'basicConstraints', cA: true },
        { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
      ],
    })
    const authority = join(folder, 'authority.pem')
    writeFileSync(authority, cert)
    const url = await listening({}, { tls: { key, cert } })
    expect(url).toMatch(/^https:/)
    const sections = ['3.1', '7.5', '7.8'].flatMap((section) => ['--only', section])
    const { code, output } = await conformance([url, ...sections], {
      NODE_EXTRA_CA_CERTS: authority,
    })
    expect(output).toMatch(/^(\d+) checks: \1 passed, 0 failed$/m)
    expect(code).toBe(0)
  })

  test('outlives a server that dies, and says of what', async ({ skip }) => {
    const major = Number(process.versions.node.split('.')[0])
    skip(major > 20, 'the published server imports JSON with `assert`, which ended with Node 20')
    const server = spawn(process.execPath, [publishedServer], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, NODE_NO_WARNINGS: '1' },
    })
    const gone = once(server, 'exit')
    onTestFinished(() => {
      server.kill('SIGKILL')
    })
    const [url] = (await once(createInterface({ input: server.stdout }), 'line')) as [string]
    const args = ['--only', '7.5', '--only', '9.3', '--patience', '1']
    const { code, output } = await conformance([url, ...args])
    await gone
    // before it dies, much of what is piped passes
    expect(output).toContain('  ✓ 1048576 bytes of binary arrive as they were sent, both ways')
    expect(output).toMatch(/✗ In a session, .* gets 1002.*\n +the server has died$/m)
    expect(output).toMatch(/✗ .*\n +no server answers$/m)
    expect(output).toMatch(/^\d+ checks: \d+ passed, \d+ failed$/m)
    expect(output).toContain('clients spoke v4')
    expect(code).toBe(1)
  })

  test.each([
    [[], 'Which server?'],
    [['localhost:8080'], '"localhost:8080" is no URL.'],
    [['ws://localhost:8080', '--only', '99'], 'No check belongs to that section.'],
    [['ws://localhost:8080', '--patience', 'long'], '--patience takes a number of seconds.'],
    [['ws://localhost:8080', '--unknown'], "Unknown option '--unknown'"],
  ])('refuses %j', async (args, sentence) => {
    const { code, output } = await conformance(args)
    expect(output).toContain(sentence)
    expect(output).toContain('Usage: yarn conformance <url>')
    expect(code).toBe(2)
  })

  test('says so where no server answers', async () => {
    const { code, output } = await conformance(['ws://localhost:9'])
    expect(output).toContain('No server answers at ws://localhost:9')
    expect(code).toBe(1)
  })
})
