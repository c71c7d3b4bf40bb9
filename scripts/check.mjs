// Everything that can be said about the code without running it: `yarn check`.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, compiler } from './build.mjs'
import { run } from './child.mjs'
import { fail, setUp } from './setup.mjs'
import { root } from './yarn.mjs'

const modules = join(root, 'node_modules')
const eslint = join(modules, 'eslint', 'bin', 'eslint.js')
const prettier = join(modules, 'prettier', 'bin', 'prettier.cjs')
const knip = join(modules, 'knip', 'bin', 'knip.js')
const publint = join(modules, 'publint', 'src', 'cli.js')
const cruiser = join(modules, 'dependency-cruiser', 'bin', 'dependency-cruise.mjs')
const attw = join(modules, '@arethetypeswrong', 'cli', 'dist', 'index.js')

const cruised = ['packages', 'bench/src', 'conformance/src', 'stress/src']

function publishablePackages() {
  const isPublished = (name) => {
    const manifest = join(root, 'packages', name, 'package.json')
    return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).private !== true
  }
  return readdirSync(join(root, 'packages')).filter(isPublished)
}

/** What can import a package: those with a CommonJS build everything, the others what knows ESM. */
function profileOf(name) {
  const hasCommonJs = existsSync(join(root, 'packages', name, 'tsconfig.cjs.json'))
  return ['--profile', hasCommonJs ? 'node16' : 'esm-only']
}

function steps() {
  return [
    ['types, tests included', [compiler, '-p', 'tsconfig.check.json']],
    ['lint', [eslint, '--max-warnings', '0', '.']],
    ['format', [prettier, '--check', '--log-level', 'warn', '.']],
    ['imports', [cruiser, ...cruised, '--config', '.dependency-cruiser.js']],
    ['nothing unused', [knip, '--no-progress', '--no-config-hints']],
    ...publishablePackages().flatMap((name) => [
      [
        `${name}: as published`,
        [publint, 'run', join('packages', name), '--strict', '--pack', 'npm'],
      ],
      [
        `${name}: types as published`,
        [attw, '--pack', join('packages', name), ...profileOf(name), '--no-definitely-typed'],
      ],
    ]),
  ]
}

/** Runs every check, prints what the failing ones say, and gives their names. */
export async function check() {
  const failed = []
  for (const [name, args] of steps()) {
    const started = performance.now()
    process.stdout.write(`  ${name} … `)
    const { code, output } = await run(process.execPath, args, { capture: true, cwd: root })
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    console.log(code === 0 ? `ok (${seconds} s)` : `failed\n\n${output.trim()}\n`)
    if (code !== 0) failed.push(name)
  }
  return failed
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    await setUp()
    await build()
  } catch (error) {
    fail(error)
  }
  const failed = await check()
  if (failed.length > 0) fail(`Failed: ${failed.join(', ')}`)
}
