import { fileURLToPath } from 'node:url'
import { buildSync, type BuildOptions } from 'esbuild'

const here = fileURLToPath(new URL('.', import.meta.url))

/** The package as a page gets it: bundled for browsers, with all that it needs. */
export function bundleForBrowsers(options: BuildOptions = {}) {
  const { outputFiles, metafile } = buildSync({
    stdin: { contents: `export * from 'signal-client'`, resolveDir: here },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    metafile: true,
    write: false,
    logLevel: 'error',
    ...options,
  })
  return { code: outputFiles![0]!.text, inputs: Object.keys(metafile!.inputs) }
}
