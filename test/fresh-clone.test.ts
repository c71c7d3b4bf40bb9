import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const script = fileURLToPath(new URL('../scripts/fresh-clone-check.mjs', import.meta.url))

test('a fresh clone starts with nothing but Node and npm', { timeout: 150_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [script])
  expect(stdout).toContain('A fresh clone starts, shows its page, and stops.')
})
