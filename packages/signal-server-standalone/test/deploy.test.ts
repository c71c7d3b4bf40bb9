import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { validate } from 'dockerfile-utils'
import { parse as parseToml } from 'smol-toml'
import { describe, expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { parseCommandLine } from '../src/command-line.js'
import { settingsFrom } from '../src/settings.js'
import { groups } from '../src/settings-table.js'
import { Client } from '../../signal-server/test/harness/client.js'
import { makeCertificate } from './harness/certificate.js'
import { Command, ws } from './harness/command.js'
import { findProgram, shipped } from './harness/proxy.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const inRoot = (name: string) => readFileSync(join(root, name), 'utf8')
const known = new Set(Object.values(groups).flatMap((g) => Object.values(g).map(({ env }) => env)))
const startScript = 'packages/signal-server-standalone/dist/start.js'
// without it, large messages cost twice the CPU (docs/DEPLOY.md, Node's memory limits)
const heap = '--initial-old-space-size=256'

interface Manifest {
  name: string
  dependencies?: Record<string, string>
}

/** Settings that a file gives the server: each must exist, and all must be right together. */
function expectSettings(env: Record<string, string>): void {
  for (const name of Object.keys(env)) expect([...known], name).toContain(name)
  expect(() => settingsFrom(parseCommandLine([]), env)).not.toThrow()
}

describe('the Dockerfile', () => {
  const text = inRoot('Dockerfile')
  const instructions = text
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => /^(\w+)\s+(.*)$/.exec(line)!.slice(1) as [string, string])

  test('is valid', () => {
    expect(validate(text)).toEqual([])
  })

  test('has two stages, and runs as a user without rights', () => {
    const names = instructions.map(([name]) => name)
    expect(names.filter((name) => name === 'FROM')).toHaveLength(2)
    const last = instructions.slice(names.lastIndexOf('FROM'))
    expect(last).toContainEqual(['USER', 'node'])
    expect(last.map(([name]) => name)).toContain('HEALTHCHECK')
    expect(last.map(([name]) => name)).not.toContain('RUN')
    expect(last.at(-1)).toEqual(['CMD', `["node", "${heap}", "${startScript}"]`])
  })

  test('has every package of this repository that the server needs', () => {
    const copied = instructions
      .filter(([name, rest]) => name === 'COPY' && rest.startsWith('--from=build'))
      .map(([, rest]) => /\/app\/(\S+)/.exec(rest)![1]!)
    const folders = ['packages', 'examples'].flatMap((parent) =>
      readdirSync(join(root, parent)).map((name) => `${parent}/${name}`),
    )
    const manifests = new Map(
      folders.map((folder) => {
        const { name, dependencies = {} } = JSON.parse(inRoot(`${folder}/package.json`)) as Manifest
        return [name, { folder, needs: Object.keys(dependencies) }]
      }),
    )
    const needed = new Set(['signal-server-standalone'])
    for (const name of needed) {
      for (const other of manifests.get(name)!.needs) if (manifests.has(other)) needed.add(other)
    }
    expect([...needed]).toContain('signal-video-call')
    for (const name of needed) {
      const { folder } = manifests.get(name)!
      const there = copied.some((path) => folder === path || folder.startsWith(`${path}/`))
      expect(there, folder).toBe(true)
    }
  })

  test('copies nothing secret and nothing large', () => {
    const ignored = inRoot('.dockerignore').split('\n')
    for (const name of ['.git', '.env', '**/.env', '**/node_modules', '**/dist']) {
      expect(ignored).toContain(name)
    }
  })
})

describe('the health check of the image', () => {
  const check = join(root, 'packages/signal-server-standalone/deploy/healthcheck.mjs')
  const healthy = (env: Record<string, string>) =>
    spawnSync(process.execPath, [check], { env: { ...env }, encoding: 'utf8' })

  test('finds a server, whatever its settings', async () => {
    const { key, cert } = makeCertificate()
    const settings: Record<string, string>[] = [
      {},
      { BASE_PATH: '/signal' },
      { KEY: key, CERT: cert },
    ]
    for (const env of settings) {
      const { url, command } = await Command.serve(env)
      const { status, stderr } = healthy({ PORT: new URL(url).port, ...env })
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      await command.end()
    }
  })

  test('finds none', () => {
    expect(healthy({ PORT: '1' }).status).toBe(1)
  })
})

interface Service {
  build?: string
  environment?: Record<string, string>
  ports?: string[]
  volumes?: string[]
  depends_on?: Record<string, unknown>
  command?: string[]
}

describe('compose.yaml', () => {
  const { services, volumes } = parseYaml(shipped('compose.yaml')) as {
    services: Record<string, Service>
    volumes: Record<string, unknown>
  }
  const domain = (text: string) => text.replaceAll('${DOMAIN}', 'signal.example.com')

  test('builds this repository, and gives the server settings that are right', () => {
    const { build, environment } = services['server']!
    expect(resolve(root, 'packages/signal-server-standalone/deploy', build!)).toBe(resolve(root))
    expectSettings({
      ...Object.fromEntries(Object.entries(environment!).map(([k, v]) => [k, domain(v)])),
      TURN_SECRET: 'from .env',
    })
  })

  test('mounts files that exist, and names services and volumes that exist', () => {
    for (const { volumes: mounts = [], depends_on = {} } of Object.values(services)) {
      for (const mount of mounts) {
        const [source = ''] = mount.split(':')
        if (source.startsWith('.')) expect(shipped(source)).not.toBe('')
        else expect(Object.keys(volumes)).toContain(source)
      }
      for (const service of Object.keys(depends_on))
        expect(Object.keys(services)).toContain(service)
    }
  })

  test('gives coturn the secret that the server has', () => {
    expect(services['coturn']!.command).toContain('--static-auth-secret=${TURN_SECRET}')
    expect(shipped('turnserver.conf')).toMatch(/^use-auth-secret$/m)
  })
})

describe('instances.compose.yaml', () => {
  const { services } = parseYaml(shipped('instances.compose.yaml')) as {
    services: Record<string, Service>
  }

  test('builds this repository twice, with settings that are right, on the Redis that is there', () => {
    for (const { build, environment } of [services['one']!, services['other']!]) {
      expect(resolve(root, 'packages/signal-server-standalone/deploy', build!)).toBe(resolve(root))
      expectSettings(environment!)
      expect(Object.keys(services)).toContain(new URL(environment!['REDIS_URL']!).hostname)
    }
  })

  test('has Caddy share clients out between services that exist, on their ports', () => {
    const { environment, volumes } = services['caddy']!
    for (const upstream of environment!['UPSTREAMS']!.split(' ')) {
      const [name = '', port] = upstream.split(':')
      expect(services[name]!.environment!['PORT']).toBe(port)
    }
    expect(volumes).toContain('./Caddyfile.instances:/etc/caddy/Caddyfile:ro')
    expect(shipped('Caddyfile.instances')).toContain('reverse_proxy {$UPSTREAMS')
  })
})

describe('relay-ws.compose.yaml', () => {
  const { services } = parseYaml(shipped('relay-ws.compose.yaml')) as {
    services: { server: Service }
  }
  const { build, environment, ports } = services.server

  test('builds this repository, with settings that exist, on the port of relay-ws', () => {
    expect(resolve(root, 'packages/signal-server-standalone/deploy', build!)).toBe(resolve(root))
    expectSettings(environment!)
    expect(environment!['PORT']).toBe('34098')
    expect(ports).toEqual(['34098:34098'])
  })

  test('lets clients of relay-ws in at every path', async () => {
    const { url } = await Command.serve({ ...environment, PORT: '0' })
    const clients = await Promise.all(
      ['/', '/any/where'].map((path) => Client.open(ws(url) + path, [])),
    )
    for (const client of clients) {
      client.send({ type: 'ls' })
      expect(await client.next('ls')).toMatchObject({ peers: [expect.any(String)] })
    }
    const native = await Client.open(`${ws(url)}/introduction/alice`, ['signal.v1'])
    expect(await native.next('Welcome')).toMatchObject({ id: 'alice' })
  })
})

describe('Heroku', () => {
  test('starts the server', () => {
    expect(inRoot('Procfile')).toBe(`web: node ${heap} ${startScript}\n`)
    expect(existsSync(join(root, startScript))).toBe(true)
  })

  test('builds nothing but the server', () => {
    const { scripts } = JSON.parse(inRoot('package.json')) as { scripts: Record<string, string> }
    expect(scripts['heroku-postbuild']).toBe(
      'node scripts/build.mjs packages/signal-server-standalone',
    )
  })

  test('gets settings that exist', () => {
    const { env, formation } = JSON.parse(inRoot('app.json')) as {
      env: Record<string, { value?: string }>
      formation: { web: { quantity: number } }
    }
    expect(formation.web.quantity).toBe(1)
    for (const name of Object.keys(env)) expect([...known]).toContain(name)
    expectSettings(
      Object.fromEntries(
        Object.entries(env).flatMap(([name, { value }]) => (value ? [[name, value]] : [])),
      ),
    )
  })

  test('cuts what is silent for 55 s, and the server pings long before', () => {
    expect(settingsFrom(parseCommandLine([]), {}).server.pingInterval).toBeLessThan(55_000 / 2)
  })
})

test('render.yaml takes one instance of the Dockerfile, with settings that exist', () => {
  const { services } = parseYaml(inRoot('render.yaml')) as {
    services: {
      dockerfilePath: string
      numInstances: number
      healthCheckPath: string
      envVars: { key: string; value: string }[]
    }[]
  }
  const [service] = services
  expect(existsSync(join(root, service!.dockerfilePath))).toBe(true)
  expect(service).toMatchObject({ numInstances: 1, healthCheckPath: '/readyz' })
  expectSettings(Object.fromEntries(service!.envVars.map(({ key, value }) => [key, value])))
})

test('fly.toml builds the Dockerfile, and the ports agree', () => {
  const { build, env, http_service, kill_timeout } = parseToml(shipped('fly.toml')) as unknown as {
    build: { dockerfile: string }
    env: Record<string, string>
    http_service: { internal_port: number; min_machines_running: number }
    kill_timeout: string
  }
  const folder = join(root, 'packages/signal-server-standalone/deploy')
  expect(join(folder, build.dockerfile)).toBe(join(root, 'Dockerfile'))
  expect(String(http_service.internal_port)).toBe(env['PORT'])
  expect(http_service.min_machines_running).toBe(1)
  expect(parseInt(kill_timeout)).toBeGreaterThan(10)
  expectSettings(env)
})

test('railway.json builds the Dockerfile, once', () => {
  const { build, deploy } = JSON.parse(shipped('railway.json')) as {
    build: { dockerfilePath: string }
    deploy: Record<string, unknown>
  }
  expect(existsSync(join(root, build.dockerfilePath))).toBe(true)
  expect(deploy).toMatchObject({ numReplicas: 1, healthcheckPath: '/readyz' })
})

test('Elastic Beanstalk gets settings that exist', () => {
  const { option_settings: options } = parseYaml(
    shipped('elastic-beanstalk/.ebextensions/signal-server.config'),
  ) as { option_settings: Record<string, Record<string, string>> }
  expectSettings(options['aws:elasticbeanstalk:application:environment']!)
  expect(options['aws:elasticbeanstalk:environment']).toEqual({ EnvironmentType: 'SingleInstance' })
})

describe('pm2', () => {
  const require = createRequire(import.meta.url)
  const { apps } = require('../deploy/ecosystem.config.cjs') as {
    apps: {
      cwd: string
      script: string
      args: string
      instances: number
      exec_mode: string
      env: Record<string, string>
    }[]
  }
  const { cwd, script, args, env, ...app } = apps[0]!

  test('gets a program that exists, once, with settings that exist', () => {
    expect(existsSync(join(cwd, script))).toBe(true)
    expect(app).toMatchObject({ instances: 1, exec_mode: 'fork' })
    expectSettings(env)
  })

  test('starts a worker a core', async () => {
    const { command } = await Command.serve({ ...env, PORT: '0' }, args.split(' '))
    const cores = availableParallelism()
    expect(command.output.includes(`workers (${cores})`)).toBe(cores > 1)
    expect((await command.end()).code).toBe(0)
  })
})

describe('the systemd unit', () => {
  const unit = shipped('signal-server.service')

  test('starts the server, with settings that exist', () => {
    expect(unit).toContain(`ExecStart=/usr/bin/node ${heap} ${startScript}\n`)
    // PORT may be the path of a Unix socket
    expect(unit).toMatch(/^RestrictAddressFamilies=.*\bAF_UNIX\b/m)
    const settings = [...unit.matchAll(/^Environment=(\w+)=(.*)$/gm)]
    expectSettings(Object.fromEntries(settings.map(([, name, value]) => [name!, value!])))
  })

  test('gives it longer than it needs to end', () => {
    const seconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)![1])
    const { drainTimeout, closeTimeout } = settingsFrom(parseCommandLine([]), {}).server
    expect(seconds * 1_000).toBeGreaterThan(drainTimeout! + closeTimeout!)
  })

  const analyze = findProgram('systemd-analyze')
  const missing = analyze ? '' : ' (not run: systemd is not installed)'
  test.skipIf(!analyze)(`is one that systemd understands${missing}`, () => {
    // it looks for the program as well, and Node is elsewhere on some machines
    const file = join(root, 'packages/signal-server-standalone/deploy/signal-server.service')
    const { stderr } = spawnSync(analyze!, ['verify', '--man=no', file], { encoding: 'utf8' })
    const complaints = stderr
      .split('\n')
      .filter((line) => line.includes('signal-server.service') && !line.includes('/usr/bin/node'))
    expect(complaints).toEqual([])
  })
})

describe('docs/DEPLOY.md', () => {
  const text = inRoot('docs/DEPLOY.md')

  test('names settings that exist', () => {
    const names = [...text.matchAll(/\b([A-Z][A-Z]+(?:_[A-Z]+)+)\b/g)].map(([, name]) => name!)
    for (const name of names) expect([...known], name).toContain(name)
  })

  test('names files that are in the repository', () => {
    const files = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).split('\n')
    const named = [...text.matchAll(/\bpackages\/[\w./-]+\w/g)].map(([path]) => path)
    for (const path of named) {
      expect(
        files.some((file) => file === path || file.startsWith(`${path}/`)),
        path,
      ).toBe(true)
    }
  })
})
