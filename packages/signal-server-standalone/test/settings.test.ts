import { defaults } from 'signal-server'
import { describe, expect, test } from 'vitest'
import { SettingError } from '../src/setting-kinds.js'
import { parseCommandLine } from '../src/command-line.js'
import { settingName, settingsFrom, type Environment } from '../src/settings.js'
import { groups } from '../src/settings-table.js'
import { help } from '../src/help.js'

const settings = (env: Environment = {}, args: string[] = []) =>
  settingsFrom(parseCommandLine(args), env)
const all = Object.values(groups).flatMap((group) => Object.values(group))

describe('settings', () => {
  test('row 51: give one address an eighth of the sockets, and 4,096 at most', () => {
    const perAddress = (env: Record<string, string>) => settings(env).server.maxSocketsPerAddress
    expect(perAddress({ MAX_SOCKETS: '1000' })).toBe(125)
    expect(perAddress({ MAX_SOCKETS: '100000' })).toBe(4_096)
    expect(perAddress({ MAX_SOCKETS: '1000', MAX_SOCKETS_PER_ADDRESS: '1000' })).toBe(1_000)
  })

  test('are the defaults of a server on the open internet', () => {
    const { server, ...rest } = settings()
    expect(rest).toEqual({
      port: 8080,
      path: '/',
      workers: 1,
      ice: { stunUrls: [], turnUrls: [] },
      webrtc: {
        relayWs: '/relay-ws',
        rtc: '/rtc',
        call: '/call',
        rooms: '/socket.io',
        tokenLifetime: 86_400,
      },
      logFormat: 'text',
      logLevel: 'info',
      statusPage: true,
      demo: false,
      metrics: true,
      proxiesKnown: false,
    })
    expect(server).toMatchObject({
      maxSocketsPerAddress: 2_500,
      maxUpgradesPerSecond: 200,
      exemptLoopback: true,
      exemptUnknownProxies: true,
      trustProxy: false,
      maxSockets: defaults.maxSockets,
      drainTimeout: defaults.drainTimeout,
    })
  })

  test('are a flag before the environment before the default', () => {
    expect(settings({ PORT: '1000' }).port).toBe(1_000)
    expect(settings({ PORT: '1000' }, ['--port', '2000']).port).toBe(2_000)
  })

  test('in an empty variable are not set', () => {
    expect(settings({ PORT: '', HOST: '', TRUST_PROXY: '', TURN_URLS: '' })).toEqual(settings())
  })

  test.each(['APP_SECRET', 'APP_PASS'])('must not be empty in %s', (name) => {
    const secret = 'x'.repeat(32)
    expect(() => settings({ APP_SECRET: secret, [name]: '' })).toThrow(SettingError)
  })

  test('count clients by address where proxies are named', () => {
    expect(settings({ TRUST_PROXY: '2' }).server).toMatchObject({
      trustProxy: 2,
      exemptUnknownProxies: false,
    })
    expect(settings({ TRUST_PROXY: 'loopback, 10.0.0.0/8' }).server.trustProxy).toBe(
      'loopback, 10.0.0.0/8',
    )
    expect(settings({ TRUST_PROXY: 'true' }).server.trustProxy).toBe(true)
  })

  test('say every limit of the library, each with a unit', () => {
    const numbers = Object.keys(defaults).filter(
      (name) => typeof defaults[name as keyof typeof defaults] === 'number',
    )
    const env = Object.fromEntries(numbers.map((name) => [settingName(name), '1']))
    const { server } = settings({ ...env, MAX_BUFFERED_BYTES: '1' })
    for (const name of numbers) expect(server).toHaveProperty(name, 1)
    expect(settings({ HOLD_TIMEOUT: 'none' }).server.holdTimeout).toBe(Infinity)
  })

  test('have lists with commas, or repeated flags', () => {
    expect(settings({ ORIGINS: 'https://a.example, https://b.example' }).server.origins).toEqual([
      'https://a.example',
      'https://b.example',
    ])
    const flags = ['--origin', 'https://a.example', '--origin=https://b.example']
    expect(settings({}, flags).server.origins).toEqual(['https://a.example', 'https://b.example'])
    expect(() => settings({ APPS: 'chat,,notes', APP_SECRET: 'x'.repeat(32) })).toThrow(
      'APPS must be a list, with commas between, not "chat,,notes".',
    )
  })

  test('never show a secret in what is said about them', () => {
    const secret = 'short and secret'
    for (const env of [{ APP_SECRET: secret }, { REDIS_URL: `http://:${secret}@redis` }]) {
      expect(() => settings(env)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining(secret) as string }),
      )
    }
  })

  test('read TURN and STUN servers', () => {
    const { ice } = settings({
      STUN_URLS: 'stun:a.example:3478',
      TURN_URLS: 'turn:a.example:3478?transport=udp,turns:a.example:5349',
      TURN_SECRET: 'north',
    })
    expect(ice).toEqual({
      stunUrls: ['stun:a.example:3478'],
      turnUrls: ['turn:a.example:3478?transport=udp', 'turns:a.example:5349'],
      turnSecret: 'north',
    })
  })
})

describe('a variable that is no setting', () => {
  test.each([
    ['MAX_SOKETS', 'MAX_SOCKETS'],
    ['HOLD_TIEM', 'HOLD_TIMEOUT'],
    ['HOLD_TIME', 'HOLD_TIMEOUT'],
    ['REDIS_URI', 'REDIS_URL'],
    ['TRUST_PROXYS', 'TRUST_PROXY'],
    ['ORIGIN', 'ORIGINS'],
    ['WEB_CONCURENCY', 'WEB_CONCURRENCY'],
    ['APP_SECRETS', 'APP_SECRET'],
  ])('%s is a slip: did you mean %s?', (name, meant) => {
    const sentence = `There is no setting ${name}. Did you mean ${meant}?`
    expect(() => settings({ [name]: '1' })).toThrow(sentence)
  })

  test('is left alone if another program needs it', () => {
    const ofHosts =
      'PORT_8080_TCP HOSTNAME HOME PATH PWD TERM SHLVL NODE_ENV NODE_OPTIONS NODE_VERSION YARN_VERSION ' +
      'REDIS_TLS_URL REDIS_SERVICE_HOST REDIS_SERVICE_PORT REDIS_PORT REDIS_PORT_6379_TCP REDIS_HOST ' +
      'REDIS_PASSWORD KUBERNETES_PORT KUBERNETES_SERVICE_HOST CALL_PORT ROOMS_SERVICE_HOST METRICS_PORT ' +
      'DYNO MEMORY_AVAILABLE WEB_MEMORY SOURCE_VERSION HEROKU_APP_NAME RENDER RENDER_SERVICE_NAME ' +
      'IS_PULL_REQUEST FLY_APP_NAME FLY_REGION PRIMARY_REGION RAILWAY_PUBLIC_DOMAIN K_SERVICE K_REVISION ' +
      'WEBSITE_SITE_NAME APP_PATH APP_NAME APP_ENV APP_KEY PUBLIC_URL PUBLIC_IP LOG_LEVELS_FILE DEBUG ' +
      'INVOCATION_ID JOURNAL_STREAM SYSTEMD_EXEC_PID npm_lifecycle_event npm_config_registry CI'
    const env = Object.fromEntries(ofHosts.split(' ').map((name) => [name, 'x']))
    expect(() => settings(env)).not.toThrow()
    const both = { REDIS_URL: 'redis://127.0.0.1:6379', REDIS_URI: 'redis://127.0.0.1:6379' }
    expect(() => settings(both)).not.toThrow()
  })
})

describe('the table of settings', () => {
  test('has each variable once', () => {
    const names = all.map(({ env }) => env)
    expect(names).toHaveLength(new Set(names).size)
  })

  test('is what .env.example shows', async () => {
    await expect(envExample()).toMatchFileSnapshot('../.env.example')
  })

  test('has examples that are right', () => {
    for (const { example, kind, env } of all) {
      if (example === undefined || example.startsWith('<')) continue
      expect(kind.parse(example), env).toBeDefined()
    }
  })

  test('is in the help, as far as it has flags, with every secret named', () => {
    const text = help()
    for (const { flag, env } of all)
      if (flag) expect(text).toMatch(new RegExp(`--${flag} .*${env}`))
    for (const name of ['APP_SECRET', 'APP_PASS', 'TURN_SECRET']) expect(text).toContain(name)
  })
})

function envExample(): string {
  const sections = Object.entries(groups).map(([title, group]) => {
    const entries = Object.values(group).map(
      ({ env, about, fallback, example }) =>
        `# ${about[0]!.toUpperCase()}${about.slice(1)}\n#${env}=${example ?? fallback ?? ''}\n`,
    )
    return `# ${title}\n# ${'-'.repeat(title.length)}\n\n${entries.join('\n')}`
  })
  return (
    '# Every variable that the command reads. Each is shown with its default, or with an example\n' +
    `# where it has none; take the # away to set it.\n\n${sections.join('\n\n')}`
  )
}
