import { fileURLToPath } from 'node:url'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { build } from 'esbuild'
import type * as model from './model/index.js'
import type { Rule } from './rules.js'

/** What the model offers once it is bundled. */
export type Model = typeof model

/**
 * The model, with the machine without a rule.
 * @throws Error if the text of the rule is not there, or there twice
 */
export async function modelWithout({ file, without }: Rule): Promise<Model> {
  let isChanged = false
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('model/index.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
    plugins: [
      {
        name: 'without a rule',
        setup(context) {
          context.onLoad({ filter: /[\\/]src[\\/]link[\\/][\w-]+\.ts$/ }, async ({ path }) => {
            if (basename(path) !== file) return undefined
            let contents = await readFile(path, 'utf8')
            for (const [from, to] of without) {
              const parts = contents.split(from)
              if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} × ${from}`)
              contents = parts.join(to)
            }
            isChanged = true
            return { contents, loader: 'ts' }
          })
        },
      },
    ],
  })
  if (!isChanged) throw new Error(`${file} is no part of the machine.`)
  const code = Buffer.from(outputFiles[0]!.contents).toString('base64')
  return (await import(`data:text/javascript;base64,${code}`)) as Model
}
