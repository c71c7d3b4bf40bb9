import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Command, script } from './harness/command.js'

function fileWith(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'signal-env-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, '.env')
  writeFileSync(file, text)
  return file
}

test('variables come from a file, also for workers, and those that are set win', async () => {
  const file = fileWith('# of this machine\nBASE_PATH=/from-the-file\nLOG_FORMAT=text\nDEMO=on\n')
  const env = { LOG_FORMAT: 'json', WEB_CONCURRENCY: '2' }
  const { command, url } = await Command.serve(env, ['--env-file', file])
  expect(url).toMatch(/\/from-the-file$/)
  expect(command.output).toContain('"event":"listening"')
  expect((await fetch(`${url}/demo/`)).status).toBe(200)
  expect((await command.end()).code).toBe(0)
})

test('a slip in a file, or in the environment, ends the start with 2', async () => {
  const file = fileWith('HOLD_TIEM=5000\n')
  const ofFile = await Command.run(['--env-file', file]).ended
  expect([ofFile.code, ofFile.stderr]).toEqual([
    2,
    'There is no setting HOLD_TIEM. Did you mean HOLD_TIMEOUT?\n',
  ])
  const ofEnvironment = await Command.run([], { MAX_SOKETS: '5' }).ended
  expect([ofEnvironment.code, ofEnvironment.stderr]).toEqual([
    2,
    'There is no setting MAX_SOKETS. Did you mean MAX_SOCKETS?\n',
  ])
})

test('a file that is not there ends the start, and is named', () => {
  // Node 20 takes this option for its own wherever it stands, but not behind "--"
  const args = ['--', script, '--env-file', '/nowhere/.env']
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(stderr).toBe('--env-file must be a file, and at "/nowhere/.env" there is none.\n')
  expect(status).toBe(2)
  expect(readFileSync(script, 'utf8')).toMatch(/^#!\/usr\/bin\/env -S node .*--\n/)
  const manifest = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  const { scripts } = JSON.parse(manifest) as { scripts: Record<string, string> }
  for (const name of ['start', 'start:signal-server']) {
    expect(scripts[name]).toMatch(/^node --\S+ -- scripts\/start\.mjs$/)
  }
})
