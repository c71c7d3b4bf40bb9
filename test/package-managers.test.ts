import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { root } from './markdown.js'

// npm is a .cmd file on Windows, which only a shell can start
const shell = process.platform === 'win32'
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'signal-package-managers-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'))
})

test.each(['install', 'install express'])('`npm %s` says what to type instead', (command) => {
  const args = [...command.split(' '), '--offline', '--ignore-scripts']
  const { status, stderr } = spawnSync('npm', args, { cwd: folder, encoding: 'utf8', shell })
  expect(stderr).toContain('Type npm start, which installs everything, instead of npm install.')
  expect(status).not.toBe(0)
})

/** An npm which has that Yarn: a program that says how it was started. */
function runPinned(yarn: string, env: Record<string, string> = {}) {
  const bin = join(folder, 'bin')
  const cache = join(folder, 'cache', 'node_modules', '@yarnpkg', 'cli-dist', 'bin')
  for (const made of [bin, cache, join(folder, 'scripts')]) mkdirSync(made, { recursive: true })
  writeFileSync(join(cache, 'yarn.js'), yarn)
  const path = `${join(folder, 'cache', 'node_modules', '.bin')}${delimiter}/elsewhere`
  const npm = `#!/bin/sh\necho "$*" > ${join(folder, 'asked')}\necho '${path}'\n`
  writeFileSync(join(bin, 'npm'), npm, { mode: 0o755 })
  const script = join(folder, 'scripts', 'yarn-pinned.cjs')
  copyFileSync(join(root, 'scripts', 'yarn-pinned.cjs'), script)
  return spawnSync(process.execPath, [script, 'run', 'x', '--flag'], {
    encoding: 'utf8',
    input: 'typed',
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}`, ...env },
  })
}

const report = `
  process.stdin.once('data', (input) => {
    const { YARN_IGNORE_PATH } = process.env
    console.log(JSON.stringify({ args: process.argv.slice(2), YARN_IGNORE_PATH, input: String(input) }))
    process.exitCode = 7
  })`

test('the file at yarnPath is the Yarn that package.json names, which reads no yarnPath', () => {
  const { status, stdout } = runPinned(report, { COREPACK_ROOT: '' })
  const started = { args: ['run', 'x', '--flag'], YARN_IGNORE_PATH: '1', input: 'typed' }
  expect(JSON.parse(stdout)).toEqual(started)
  expect(status).toBe(7)
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const version = packageManager.replace('yarn@', '')
  expect(readFileSync(join(folder, 'asked'), 'utf8')).toContain(
    `--package=@yarnpkg/cli-dist@${version} `,
  )
})

test('the file at yarnPath takes the Yarn of Corepack if Corepack started it', () => {
  const corepack = mkdtempSync(join(tmpdir(), 'signal-corepack-'))
  onTestFinished(() => rmSync(corepack, { recursive: true }))
  mkdirSync(join(corepack, 'dist'))
  writeFileSync(join(corepack, 'dist', 'yarn.js'), "console.log('of Corepack')")
  expect(runPinned(report, { COREPACK_ROOT: corepack }).stdout).toBe('of Corepack\n')
})

test('the file at yarnPath says what is missing if npm cannot fetch that Yarn', () => {
  const { status, stderr } = runPinned(report, { COREPACK_ROOT: '', PATH: join(folder, 'none') })
  expect(stderr).toContain('Is npm installed, and is its registry reachable?')
  expect(status).toBe(1)
})

test('.yarnrc.yml names that file', () => {
  expect(readFileSync(join(root, '.yarnrc.yml'), 'utf8')).toMatch(
    /^yarnPath: scripts\/yarn-pinned\.cjs$/m,
  )
})
