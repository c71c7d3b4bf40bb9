import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const here = fileURLToPath(new URL('.', import.meta.url))
const sources = new Map<string, string>()

/**
 * The published package as one CommonJS text, its code unchanged. It has to be bundled: 3.x imports
 * without file extensions, 4.x imports JSON in a syntax that only some Node versions read, and 0.x
 * needs a package that it doesn't list. `isomorphic-ws` stays outside, so that each client can be
 * given a WebSocket class of its own.
 */
export function bundle(specifier: string): string {
  let source = sources.get(specifier)
  if (source === undefined) {
    const { outputFiles } = buildSync({
      stdin: { contents: `export * from ${JSON.stringify(specifier)}`, resolveDir: here },
      nodePaths: [fileURLToPath(new URL('../../../node_modules', import.meta.url))],
      external: ['isomorphic-ws', 'msgpackr-extract'],
      bundle: true,
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      write: false,
      logLevel: 'error',
    })
    source = outputFiles[0]?.text
    if (source === undefined) throw new Error(`${specifier} could not be bundled`)
    sources.set(specifier, source)
  }
  return source
}
