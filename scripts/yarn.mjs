// Runs the Yarn that this repository is locked with: `node scripts/yarn.mjs <arguments>`.
// It works where only Node and npm are installed, and leaves nothing behind but npm's cache.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { run } from './child.mjs'

export const root = fileURLToPath(new URL('..', import.meta.url))
const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const version = packageManager.split('@')[1]

// npm and yarn are .cmd files on Windows, which only a shell can start.
const shell = process.platform === 'win32'

/** The Yarn on PATH if it is version 4, else the one that npm can fetch: command and arguments. */
async function findYarn() {
  try {
    const env = { ...process.env, COREPACK_ENABLE_DOWNLOAD_PROMPT: '0' }
    const { code, stdout } = await run('yarn', ['--version'], {
      capture: true,
      cwd: root,
      env,
      shell,
    })
    if (code === 0 && stdout.trim().startsWith('4.')) return ['yarn']
  } catch {
    // There is no yarn on PATH, or it can't run: npm fetches ours.
  }
  return ['npm', 'exec', '--yes', `--package=@yarnpkg/cli-dist@${version}`, '--', 'yarn']
}

/**
 * The environment that hands npm's registry on to Yarn, which does not read npm's configuration.
 * What is set for Yarn already stays.
 */
async function registryEnvironment() {
  if (process.env.YARN_NPM_REGISTRY_SERVER) return {}
  const { code, stdout } = await run('npm', ['config', 'get', 'registry'], {
    capture: true,
    cwd: root,
    shell,
  })
  const address = stdout.trim()
  if (code !== 0 || !URL.canParse(address)) return {}
  const { protocol, hostname } = new URL(address)
  return {
    YARN_NPM_REGISTRY_SERVER: address.replace(/\/$/, ''),
    // Yarn talks to a plain http registry only where its host is named.
    ...(protocol === 'http:' && { YARN_UNSAFE_HTTP_WHITELIST: hostname }),
  }
}

/** Runs Yarn in the repository's root; gives its exit code and, captured, its output. */
export async function yarn(args, { capture = false } = {}) {
  const [command, ...before] = await findYarn()
  const env = { ...process.env, ...(await registryEnvironment()) }
  return run(command, [...before, ...args], { capture, cwd: root, env, shell })
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { code } = await yarn(process.argv.slice(2))
  process.exitCode = code
}
