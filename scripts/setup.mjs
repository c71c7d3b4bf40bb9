// Makes a clone ready: the right Node, and the dependencies that yarn.lock names.
// Does nothing where they are there already, so that every script may call it first.
import { existsSync, readFileSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root, yarn } from './yarn.mjs'

const { engines, packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
/** Yarn writes it at the end of an install. */
const installed = join(root, 'node_modules', '.yarn-state.yml')

function checkNode() {
  const wanted = engines.node.replace('>=', '')
  const [major, minor] = wanted.split('.').map(Number)
  const [thisMajor, thisMinor] = process.versions.node.split('.').map(Number)
  if (thisMajor > major || (thisMajor === major && thisMinor >= minor)) return
  throw new Error(
    `This needs Node ${wanted} or newer, and you run ${process.versions.node} (${process.execPath}).`,
  )
}

/** Whether what is installed is younger than what it follows from. */
function inStep() {
  const changed = (file) => statSync(file).mtimeMs
  const sources = ['yarn.lock', '.yarnrc.yml'].map((file) => join(root, file))
  return existsSync(installed) && sources.every((file) => changed(file) <= changed(installed))
}

/** Throws an `Error` whose message says what to do where the clone can't be made ready. */
export async function setUp() {
  checkNode()
  if (inStep()) return
  console.log(`Installing the dependencies with ${packageManager.replace('yarn@', 'Yarn ')} …`)
  const { code, output } = await yarn(['install', '--immutable'], { capture: true })
  if (code !== 0) throw new Error(`${shorten(output)}\n\n${explain(output)}`)
  // Yarn leaves the file as it is where nothing had to be done.
  const now = new Date()
  utimesSync(installed, now, now)
}

/** The last of what was said, once, without stack traces: Yarn repeats itself for each package. */
function shorten(output) {
  const lines = output.split('\n').filter((line) => line.trim() !== '' && !/^\s+at /.test(line))
  return [...new Set(lines)].slice(-25).join('\n')
}

function explain(output) {
  if (output.includes('YN0028')) {
    return 'yarn.lock does not match the package.json files: run `node scripts/yarn.mjs install` and commit yarn.lock.'
  }
  return (
    'The dependencies could not be installed. Is the npm registry reachable ' +
    '(`npm config get registry` shows which one is asked)? Then run the same command again.'
  )
}

/** Ends a script with a sentence instead of a stack trace. */
export function fail(error) {
  console.error(`\n${error instanceof Error ? error.message : error}`)
  process.exit(1)
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await setUp().catch(fail)
