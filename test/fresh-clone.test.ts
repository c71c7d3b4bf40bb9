import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const script = fileURLToPath(new URL('../scripts/fresh-clone-check.mjs', import.meta.url))

test.each([
  ['nothing but Node and npm', []],
  ['Yarn 1.22 as the global Yarn', ['yarn']],
])('a fresh clone starts with %s', { timeout: 150_000 }, async (_, args) => {
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...args])
  expect(stdout).toContain('A fresh clone starts, shows its page, and stops.')
})
