// Runs the Yarn that this repository is locked with: `node scripts/yarn.mjs <arguments>`.
// It works where only Node and npm are installed, and leaves nothing behind but npm's cache.
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { run } from './child.mjs'

export const root = fileURLToPath(new URL('..', import.meta.url))
const pinned = join(root, 'scripts', 'yarn-pinned.cjs')

// npm and yarn are .cmd files on Windows, which only a shell can start.
const shell = process.platform === 'win32'
// Without it a Yarn reads `yarnPath`, and says the version of the Yarn that it finds there.
const environment = { YARN_IGNORE_PATH: '1', COREPACK_ENABLE_DOWNLOAD_PROMPT: '0' }

/** How to start Yarn: the one on PATH if it is version 4, otherwise the one that npm can fetch. */
async function findYarn() {
  try {
    const { code, stdout } = await run('yarn', ['--version'], {
      capture: true,
      cwd: root,
      env: { ...process.env, ...environment },
      shell,
    })
    if (code === 0 && stdout.trim().startsWith('4.')) return { command: 'yarn', before: [], shell }
  } catch {
    // There is no yarn on PATH, or it can't run: npm fetches ours.
  }
  return { command: process.execPath, before: [pinned], shell: false }
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
  const { command, before, ...started } = await findYarn()
  const env = { ...process.env, ...environment, ...(await registryEnvironment()) }
  return run(command, [...before, ...args], { capture, cwd: root, env, ...started })
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { code } = await yarn(process.argv.slice(2))
  process.exitCode = code
}
