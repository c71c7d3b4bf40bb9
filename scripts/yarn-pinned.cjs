#!/usr/bin/env node
// The `yarnPath` of .yarnrc.yml: every Yarn from 1.22 on runs this file instead of itself. It runs the
// Yarn that package.json names, from npm's cache, so that this repository contains no copy of Yarn.
const { execSync } = require('node:child_process')
const { existsSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { delimiter, join } = require('node:path')

const { packageManager } = require('../package.json')
const cli = `@yarnpkg/cli-dist@${packageManager.split('@')[1]}`

/**
 * The file that starts that Yarn. npm fetches it the first time, and needs no network after that.
 * Corepack, if it started the Yarn that runs this file, has the same version already.
 */
function findYarn() {
  const { COREPACK_ROOT } = process.env
  const shim = join(COREPACK_ROOT ?? '', 'dist', 'yarn.js')
  if (COREPACK_ROOT && existsSync(shim)) return shim
  const command = `npm exec --yes --prefer-offline --loglevel=error --package=${cli} --call "node -p process.env.PATH"`
  // A folder outside of this repository, whose package.json stops npm ("overrides").
  const options = { cwd: tmpdir(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }
  const folders = execSync(command, options).trim().split(delimiter)
  return folders.map((bin) => join(bin, '../@yarnpkg/cli-dist/bin/yarn.js')).find(existsSync)
}

try {
  process.argv[1] = findYarn()
} catch {
  console.error(`npm could not fetch ${cli}. Is npm installed, and is its registry reachable?`)
  process.exit(1)
}
// The Yarn that runs next reads the same yarnPath, which would lead here again.
process.env.YARN_IGNORE_PATH = '1'
// In this process, so that signals, standard input and the exit code are Yarn's own.
require(process.argv[1])
