import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const packages = fileURLToPath(new URL('packages', import.meta.url))

/** Tests see the packages' sources, so that no build stands between a change and its test. */
const alias = readdirSync(packages)
  .flatMap((name) => [
    // what Node gets, where that is something else
    { name, source: `${packages}/${name}/src/node.ts` },
    { name, source: `${packages}/${name}/src/index.ts` },
    { name: `${name}/testing`, source: `${packages}/${name}/src/testing/index.ts` },
  ])
  .filter(({ source }) => existsSync(source))
  .map(({ name, source }) => ({ find: new RegExp(`^${name}$`), replacement: source }))

export default defineConfig({
  resolve: { alias },
  test: {
    include: [
      '{packages,examples}/*/test/**/*.test.ts',
      '{bench,conformance,stress}/test/**/*.test.ts',
      'test/**/*.test.ts',
    ],
    // The test of a fresh clone installs everything once more: too slow for every run.
    exclude: process.env.CI ? [] : ['test/fresh-clone.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
})
