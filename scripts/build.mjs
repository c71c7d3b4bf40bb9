// Compiles every package, or the projects named on the command line with what they depend on.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { run } from './child.mjs'
import { fail, setUp } from './setup.mjs'
import { root } from './yarn.mjs'

export const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')

/** Throws where something does not compile; the compiler has said what by then. */
export async function build(projects = []) {
  const { code } = await run(process.execPath, [compiler, '-b', ...projects], { cwd: root })
  if (code !== 0) throw new Error('The packages do not compile.')
  markCommonJs()
}

/** Says to Node and to compilers that what was compiled to CommonJS is that. */
function markCommonJs() {
  for (const name of ['signal-server-protocol', 'signal-client']) {
    const folder = join(root, 'packages', name, 'dist', 'cjs')
    if (existsSync(folder)) writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n')
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await setUp()
    .then(() => build(process.argv.slice(2)))
    .catch(fail)
}
