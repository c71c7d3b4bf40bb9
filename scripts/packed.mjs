// Makes an npm project outside of this repository that uses packages of it as they would be published.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './child.mjs'
import { yarn } from './yarn.mjs'

/** signal-client, and what it needs of this repository. */
const packages = ['signal-server-protocol', 'signal-client']

/**
 * Installs the client and other packages in a folder. It needs a registry.
 * @param dependencies - ranges by name
 * @throws Error with what was printed, if packing or installing fails
 */
export async function installPacked(folder, dependencies) {
  const all = { ...dependencies }
  for (const name of packages) {
    const { code, output } = await yarn(
      ['workspace', name, 'pack', '--out', join(folder, `${name}.tgz`)],
      { capture: true },
    )
    if (code !== 0) throw new Error(output)
    all[name] = `file:${name}.tgz`
  }
  // signal-server-protocol is that of this folder, for signal-client too
  const overrides = { 'signal-server-protocol': `$signal-server-protocol` }
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, dependencies: all, overrides }),
  )
  const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts']
  const { code, output } = await run('npm', args, { capture: true, cwd: folder })
  if (code !== 0) throw new Error(output)
}
