// `yarn test:links`: walks schedules of the link protocol's model.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './yarn.mjs'

const folder = mkdtempSync(join(tmpdir(), 'links-'))
try {
  const client = join(root, 'packages', 'signal-client')
  const { build } = await import(
    pathToFileURL(join(root, 'node_modules', 'esbuild', 'lib', 'main.js')).href
  )
  const outfile = join(folder, 'model.mjs')
  await build({
    entryPoints: [join(client, 'test', 'links', 'model', 'main.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    logLevel: 'error',
  })
  await import(pathToFileURL(outfile).href)
} finally {
  rmSync(folder, { recursive: true })
}
