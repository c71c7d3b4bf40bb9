import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../signal-server/test/harness/arrivals.js'
import { Command } from './harness/command.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const long = process.env.CI !== undefined || process.env.LONG_TESTS !== undefined
const why = long ? '' : ' (not run: CI or LONG_TESTS=1 does)'

/** The last commit in a folder of its own, and what its commands find on their PATH. */
function clone(): { folder: string; env: Record<string, string>; temporary: string } {
  const temporary = mkdtempSync(join(tmpdir(), 'signal-image-'))
  onTestFinished(() => rmSync(temporary, { recursive: true, force: true }))
  const folder = join(temporary, 'app')
  execFileSync('git', ['clone', '--quiet', root, folder])
  const PATH = join(temporary, 'bin')
  mkdirSync(PATH)
  symlinkSync(process.execPath, join(PATH, 'node'))
  for (const name of ['npm', 'sh', 'rm']) {
    const places = process.env.PATH!.split(delimiter).map((place) => join(place, name))
    symlinkSync(
      places.find((place) => existsSync(place))!,
      join(PATH, name),
    )
  }
  const kept = /^(home|(https?|no)_proxy|node_extra_ca_certs|npm_config_.*)$/i
  const environment = Object.entries(process.env).filter(([name]) => kept.test(name))
  return { folder, temporary, env: { ...Object.fromEntries(environment), PATH } }
}

function run(command: string, cwd: string, env: Record<string, string>): void {
  execFileSync('sh', ['-c', command], { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] })
}

/** Starts what was built, with all that can be turned on, and lets the doctor look at it. */
async function expectWell(command: readonly string[], cwd: string): Promise<void> {
  const [program, ...args] = command
  expect(program).toBe('node')
  const env = {
    PATH: '',
    PORT: '0',
    HOST: '127.0.0.1',
    NODE_ENV: 'production',
    DEMO: 'on',
  }
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const listening = /🐟 Listening at (http:\S+)/u
  await eventually(() => listening.test(output), 'the line that it listens')
  const url = listening.exec(output)![1]!
  await expectDemo(url)
  const { code, stdout } = await Command.run(['doctor', url]).ended
  expect(stdout).toContain('All is well.')
  expect(code).toBe(0)
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
}

/** The page for video calls, and every module that it is made of. */
async function expectDemo(url: string): Promise<void> {
  const seen = new Set<string>()
  const look = async (from: string) => {
    if (seen.has(from)) return
    seen.add(from)
    const response = await fetch(from)
    expect(response.status, from).toBe(200)
    const imports = (await response.text()).matchAll(/\b(?:from|src=|import) ?["'](\.[^"']+)["']/g)
    for (const [, target] of imports) await look(new URL(target!, from).href)
  }
  await look(`${url}/demo/`)
  await look(`${url}/demo/modules/signal-client/index.js`)
  await look(`${url}/demo/modules/signal-server-protocol/index.js`)
  expect([...seen]).toContain(`${url}/demo/page/call.js`)
}

test.skipIf(!long)(
  `the steps of the Dockerfile make a server that is well${why}`,
  { timeout: 300_000 },
  async () => {
    const { folder, env, temporary } = clone()
    const lines = readFileSync(join(folder, 'Dockerfile'), 'utf8').replace(/\\\n/g, ' ').split('\n')
    const image = join(temporary, 'image')
    mkdirSync(image)
    for (const line of lines) {
      const [, command] = /^RUN (.*)$/.exec(line) ?? []
      if (command) run(command, folder, env)
      const [, from, to] = /^COPY --from=build \/app\/(\S+) (\S+)$/.exec(line) ?? []
      if (from && to) {
        const target = to === './' ? join(image, from) : join(image, to)
        cpSync(join(folder, from), target, { recursive: true, verbatimSymlinks: true })
      }
    }
    // what is copied must be all that is needed
    rmSync(folder, { recursive: true })
    expect(existsSync(join(image, 'node_modules', 'typescript'))).toBe(false)
    const last = lines.findLast((line) => line.startsWith('CMD'))!
    await expectWell(JSON.parse(last.replace('CMD ', '')) as string[], image)
  },
)

test.skipIf(!long)(
  `one push to Heroku makes a server that is well${why}`,
  { timeout: 300_000 },
  async () => {
    const { folder, env } = clone()
    // what its buildpack for Node does with a repository of Yarn 4
    run('node scripts/yarn.mjs install --immutable', folder, env)
    run('node scripts/yarn.mjs run heroku-postbuild', folder, env)
    run('node scripts/yarn.mjs workspaces focus --all --production', folder, env)
    const [, command] = /^web: (.*)$/m.exec(readFileSync(join(folder, 'Procfile'), 'utf8'))!
    await expectWell(command!.split(' '), folder)
  },
)
