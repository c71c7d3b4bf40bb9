// Checks that README's start commands work on a machine that has nothing but Node and npm, or, with the
// argument `yarn`, Yarn 1.22 as well. It clones this repository's last commit into a temporary folder,
// starts the server there with a PATH that has nothing else, opens the page, and stops the server.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { root } from './yarn.mjs'

const startWithin = 110_000
const stopWithin = 20_000

/** A folder with links to Node, to npm and to the shell that npm needs; with nothing else. */
function makeBarePath(folder) {
  mkdirSync(folder)
  symlinkSync(process.execPath, join(folder, 'node'))
  for (const name of ['npm', 'sh']) {
    const places = process.env.PATH.split(delimiter).map((place) => join(place, name))
    symlinkSync(places.find(existsSync), join(folder, name))
  }
  return folder
}

/** What a new user's shell would have: not what npm, Yarn or a test runner around us has set. */
function bareEnvironment(path) {
  const kept = /^(home|tmpdir|lang|(https?|no)_proxy|node_extra_ca_certs|npm_config_.*)$/i
  const environment = Object.entries(process.env).filter(([name]) => kept.test(name))
  return { ...Object.fromEntries(environment), PATH: path, PORT: '0' }
}

/** The address that the server prints once it listens. */
async function addressIn(output) {
  for await (const line of createInterface({ input: output })) {
    console.log(`  ${line}`)
    const [, address] = /^🐟 Listening at (http:\/\/\S+)$/u.exec(line) ?? []
    if (address) return address
  }
  throw new Error('The command ended before the server listened.')
}

async function checkPage(address) {
  const response = await fetch(address)
  const page = await response.text()
  if (!response.ok || !page.includes('🐟')) {
    throw new Error(`${address} answers ${response.status} and shows no fish:\n${page}`)
  }
}

function within(milliseconds, what, promise) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} took over ${milliseconds} ms.`)),
      milliseconds,
    )
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** Puts the Yarn that most machines have on the PATH. */
function addYarn1(folder, bin, env) {
  execFileSync('npm', ['install', '--silent', '--prefix', folder, 'yarn@1.22'], {
    cwd: folder,
    env,
  })
  const yarn = join(folder, 'node_modules', 'yarn', 'bin', 'yarn.js')
  symlinkSync(yarn, join(bin, 'yarn'))
}

async function checkFreshClone(folder, command, args) {
  const clone = join(folder, 'clone')
  execFileSync('git', ['clone', '--quiet', root, clone])
  const bin = makeBarePath(join(folder, 'bin'))
  const env = bareEnvironment(bin)
  if (command === 'yarn') {
    // Its first line asks for env.
    symlinkSync('/usr/bin/env', join(bin, 'env'))
    addYarn1(folder, bin, env)
    execFileSync(command, [], { cwd: clone, env, stdio: ['ignore', 'inherit', 'inherit'] })
  }

  // A process group of its own, so that nothing of it can outlive this check.
  const started = spawn(command, args, {
    cwd: clone,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  // "close" comes when the server has ended as well, which writes to the same pipe.
  const ended = once(started, 'close')
  try {
    const address = await within(startWithin, 'The start', addressIn(started.stdout))
    started.stdout.resume()
    await checkPage(address)
    started.kill('SIGTERM')
    const [code, signal] = await within(stopWithin, 'Stopping', ended)
    // Yarn 1.22 passes SIGTERM on, and then ends with 1 whatever it ran ends with.
    if (code !== 0 && signal !== 'SIGTERM' && command !== 'yarn') {
      throw new Error(`\`${command} ${args}\` ended with ${code ?? signal} after SIGTERM.`)
    }
    const gone = await fetch(address).then(
      () => false,
      () => true,
    )
    if (!gone) throw new Error(`The server still answers at ${address} after SIGTERM.`)
  } finally {
    endGroup(started.pid)
  }

  const changed = execFileSync('git', ['status', '--porcelain'], { cwd: clone, encoding: 'utf8' })
  if (changed !== '') throw new Error(`\`${command} ${args}\` changed the work tree:\n${changed}`)
}

function endGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

const folder = mkdtempSync(join(tmpdir(), 'signal-fresh-clone-'))
try {
  if (process.argv[2] === 'yarn') await checkFreshClone(folder, 'yarn', ['start:signal-server'])
  else await checkFreshClone(folder, 'npm', ['start'])
  console.log('A fresh clone starts, shows its page, and stops.')
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
