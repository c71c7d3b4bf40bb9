import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { version } from 'signal-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Client } from '../../signal-server/test/harness/client.js'
import { Command, ws } from './harness/command.js'

describe('signal-server', () => {
  test('says where it listens, and shows its fish there', async () => {
    const { url, command } = await Command.serve()
    expect(command.output).toMatch(/^🐟 Listening at http:\/\/127\.0\.0\.1:\d+\n/u)
    const page = await (await fetch(url)).text()
    expect(page).toContain('🐟')
    expect((await command.end()).code).toBe(0)
  })

  test('says what is on and what is off', async () => {
    const { command } = await Command.serve()
    expect(command.output).toMatch(/^ {3}on {3}limits per address, status page, metrics/m)
    expect(command.output).toMatch(/^ {3}off {2}TLS, tokens \(everybody may come in\)/m)
  })

  test('shows no QR code where nobody looks at a terminal', async () => {
    const { command } = await Command.serve({ HOST: '0.0.0.0' })
    expect(command.output).not.toMatch(/[▀▄█]/)
  })

  test('is below a path, where one is given', async () => {
    const { url, command } = await Command.serve({}, ['--path', '/signal'])
    expect(url).toMatch(/:\d+\/signal$/)
    const statuses = await Promise.all(
      ['', '/healthz', '/metrics'].map(async (path) => (await fetch(url + path)).status),
    )
    expect(statuses).toEqual([200, 200, 200])
    expect((await fetch(new URL('/healthz', url))).status).toBe(404)
    const alice = await Client.open(`${ws(url)}/introduction/alice`, ['signal.v1'])
    expect(await alice.next('Welcome')).toMatchObject({ id: 'alice' })
    await alice.close()
    await command.end()
  })

  test('lets a flag beat the environment', async () => {
    const { command, url } = await Command.serve({ BASE_PATH: '/environment' }, ['--path', '/flag'])
    expect(url).toMatch(/\/flag$/)
    await command.end()
  })

  test('keeps web pages out that are not of its origins', async () => {
    const { command, url } = await Command.serve({}, [
      '--origin',
      'https://a.example',
      '--origin',
      'https://b.example',
    ])
    const from = (origin: string) =>
      fetch(`${url}/introduction/alice`, { headers: { origin } }).then(({ status }) => status)
    expect(await from('https://a.example')).toBe(426)
    expect(await from('https://b.example')).toBe(426)
    expect(await from('https://c.example')).toBe(403)
    await command.end()
  })

  test('obeys its limits, which are for the client behind a proxy that is trusted', async () => {
    const { command, url } = await Command.serve({ MAX_SOCKETS_PER_ADDRESS: '1', TRUST_PROXY: '1' })
    const from = (address: string) =>
      Client.open(`${ws(url)}/introduction/a`, [], { headers: { 'X-Forwarded-For': address } })
    const first = await from('192.0.2.1')
    await expect(from('192.0.2.1')).rejects.toThrow('429')
    const other = await from('192.0.2.2')
    await Promise.all([first.close(), other.close()])
    await command.end()
  })
})

describe('--help', () => {
  test('fits on a screen', async () => {
    const { code, stdout, stderr } = await Command.run(['--help']).ended
    expect([code, stderr]).toEqual([0, ''])
    const lines = stdout.trimEnd().split('\n')
    expect(lines.length).toBeLessThanOrEqual(24)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
    expect(stdout).toMatch(/^🐟 signal-server/u)
  })

  test('wins over everything else', async () => {
    const { code } = await Command.run(['--port', 'nonsense', '-h']).ended
    expect(code).toBe(0)
  })
})

test('--version says the version', async () => {
  const { code, stdout } = await Command.run(['--version']).ended
  expect([code, stdout]).toEqual([0, `${version}\n`])
})

describe('one sentence and exit code 2 are the answer to', () => {
  const cases: [args: string[], env: Record<string, string>, sentence: RegExp][] = [
    [
      ['--port', 'abc'],
      {},
      /^--port must be a port number from 0 to 65535, or the path of a Unix socket, not "abc"\.$/,
    ],
    [
      [],
      { PORT: '65536' },
      /^PORT must be a port number from 0 to 65535, or the path of a Unix socket, not "65536"\.$/,
    ],
    [[], { BASE_PATH: 'signal' }, /^BASE_PATH must be a path such as \/signal, not "signal"\.$/],
    [[], { KEY: 'key.pem' }, /^KEY needs CERT, which is not set\.$/],
    [['--cert', 'cert.pem'], {}, /^CERT needs KEY, which is not set\.$/],
    [
      [],
      { KEY: '/nowhere/k', CERT: '/nowhere/c' },
      /^KEY must be a file, and at "\/nowhere\/k" there is none\.$/,
    ],
    [
      [],
      { KEY: '/etc/hostname', CERT: '/etc/hostname' },
      /^KEY and CERT must be a key and its certificate, as PEM/,
    ],
    [
      [],
      { ORIGINS: 'app.example' },
      /^ORIGINS must be a list of origins such as "https:\/\/app\.example"/,
    ],
    [
      [],
      { TRUST_PROXY: 'nginx' },
      /^TRUST_PROXY must be true, false, a number of proxies, or their addresses/,
    ],
    [[], { APP_PASS: 'password' }, /^APP_PASS needs APP_SECRET, which is not set\.$/],
    [[], { TURN_URLS: 'turn:a:3478' }, /^TURN_URLS needs TURN_SECRET, which is not set\.$/],
    [
      [],
      { STUN_URLS: 'https://a' },
      /^STUN_URLS must be a list of URLs such as stun:turn\.example\.com:3478/,
    ],
    [
      [],
      { REDIS_URL: 'redis' },
      /^REDIS_URL must be a URL such as redis:\/\/127\.0\.0\.1:6379, or rediss/,
    ],
    [[], { LOG_FORMAT: 'xml' }, /^LOG_FORMAT must be text or json, not "xml"\.$/],
    [[], { RTC: 'rtc' }, /^RTC must be on, off, or a path such as \/rtc, not "rtc"\.$/],
    [[], { ROOMS: '/' }, /^ROOMS must be on, off, or a path such as \/socket\.io, not "\/"\.$/],
    [[], { RTC: '/x', CALL: '/x/' }, /^RTC and CALL must not both be at \/x\.$/],
    [
      [],
      { RTC: '/introduction' },
      /^RTC must not be at \/introduction: the server itself uses \/introduction\. Choose another/,
    ],
    [
      [],
      { CALL: '/connection/a/' },
      /^CALL must not be at \/connection\/a: the server itself uses/,
    ],
    [[], { RELAY_WS: '/t/x' }, /^RELAY_WS must not be at \/t\/x: the server itself uses \/t\./],
    [
      [],
      { ROOMS: '/metrics' },
      /^ROOMS must not be at \/metrics: the server itself uses \/metrics\./,
    ],
    [[], { RTC: '/relay-ws' }, /^RELAY_WS and RTC must not both be at \/relay-ws\.$/],
    [[], { STATUS_PAGE: 'maybe' }, /^STATUS_PAGE must be on or off, not "maybe"\.$/],
    [[], { MAX_SOCKETS: '-1' }, /^MAX_SOCKETS must be a number above 0, or none, not "-1"\.$/],
    [
      [],
      { MAX_HELD_BYTES: '134217729' },
      /^MAX_HELD_BYTES must be at most MAX_BUFFERED_BYTES \(134217728\)\.$/,
    ],
    [
      ['--workers', '0'],
      {},
      /^--workers must be a number of processes from 1 to 256, or auto for one a core, not "0"\.$/,
    ],
    [
      ['--workers', '2'],
      { MAX_HELD_BYTES: '134217728' },
      /^MAX_HELD_BYTES must be at most MAX_BUFFERED_BYTES \(67108864\)\. Each of 2 workers gets its part of a limit for all\.$/,
    ],
    [
      ['--workers', '2'],
      { KEY: '/nowhere/k', CERT: '/nowhere/c' },
      /^KEY must be a file, and at "\/nowhere\/k" there is none\.$/,
    ],
    [
      ['--workers', '2'],
      { KEY: '/nowhere/k', CERT: '/nowhere/c', APP_SECRET: 'x'.repeat(32) },
      /^ROOMS must be off where several workers \(WEB_CONCURRENCY\) have a KEY: let a proxy/,
    ],
    [['--prot', '1'], {}, /^There is no option --prot: "signal-server --help" lists them\.$/],
    [
      ['--port'],
      {},
      /^The option --port is not used like this: "signal-server --help" shows how\.$/,
    ],
    [['start'], {}, /^There is no command "start": "signal-server --help" shows what there is\.$/],
    [['--long'], {}, /^--token and --long belong to "signal-server doctor URL"\.$/],
    [['doctor'], {}, /^The doctor needs one URL: /],
    [['doctor', 'signal.example.com'], {}, /^The doctor needs one URL: /],
  ]

  test.each(cases)('%j %j', async (args, env, sentence) => {
    const { code, stdout, stderr } = await Command.run(args, env).ended
    expect(stderr.trimEnd()).toMatch(sentence)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    expect([code, stdout]).toEqual([2, ''])
  })
})

describe('row 47: it does not start with a secret that', () => {
  test.each([
    ['is empty', ''],
    ['has 24 bytes, as in the .env.example of wrtc-signal', 'twenty-four-bytes-secret'],
    ['has 31 bytes', 'a-secret-that-is-not-long-enoug'],
  ])('%s', async (_name, secret) => {
    const { code, stdout, stderr } = await Command.run([], { APP_SECRET: secret, PORT: '0' }).ended
    expect(stderr).toMatch(/^APP_SECRET must be a secret of at least 32 bytes/)
    const [, command] = /without OpenSSL node -p "(.*)"\.\n$/.exec(stderr)!
    const made = spawnSync(process.execPath, ['-p', command!], { encoding: 'utf8' })
    expect(made.stdout).toMatch(/^[0-9a-f]{64}\n$/)
    if (secret) expect(stdout + stderr).not.toContain(secret)
    expect(code).toBe(2)
  })
})

test.each(['1', '2'])(
  'row 38: on a busy port it says so once, and exits with 1 (WEB_CONCURRENCY=%s)',
  async (WEB_CONCURRENCY) => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    onTestFinished(() => void other.close())
    const { port } = other.address() as AddressInfo
    const { code, stdout, stderr } = await Command.run([], {
      PORT: String(port),
      HOST: '127.0.0.1',
      WEB_CONCURRENCY,
    }).ended
    expect(stderr).toBe(
      `Port ${port} is in use already: end the program that uses it, or choose another port.\n`,
    )
    expect([code, stdout]).toEqual([1, ''])
  },
)
