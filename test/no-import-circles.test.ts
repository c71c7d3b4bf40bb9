import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Linter } from 'eslint'
import tseslint from 'typescript-eslint'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { noImportCircles } from '../eslint/no-import-circles.js'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'import-circles-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

/** Writes the files and gives what the rule says of `a.ts`. */
function complaintsOf(files: Record<string, string>): string[] {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const linter = new Linter({ cwd: folder })
  const config: Linter.Config = {
    files: ['**/*.ts'],
    languageOptions: { parser: tseslint.parser },
    plugins: { local: { rules: { 'no-import-circles': noImportCircles } } },
    rules: { 'local/no-import-circles': 'error' },
  }
  return linter
    .verify(files['a.ts'] ?? '', config, join(folder, 'a.ts'))
    .map(({ message }) => message)
}

test('imports that lead on are allowed', () => {
  const complaints = complaintsOf({
    'a.ts': "import { b } from './b.js'\nimport { c } from './c.js'\n",
    'b.ts': "import { c } from './c.js'\nexport const b = c\n",
    'c.ts': "import 'node:fs'\nexport const c = 1\n",
  })
  expect(complaints).toEqual([])
})

test('a circle is reported with the way that it takes', () => {
  const complaints = complaintsOf({
    'a.ts': "import { b } from './b.js'\n",
    'b.ts': "export * from './c.js'\n",
    'c.ts': "import { a } from './a.js'\n",
  })
  expect(complaints).toEqual(['This import leads back here: b.ts → c.ts → a.ts'])
})

test('a circle of types is a circle', () => {
  const complaints = complaintsOf({
    'a.ts': "import type { B } from './b.js'\n",
    'b.ts': "import type { A } from './a.js'\n",
  })
  expect(complaints).toEqual(['This import leads back here: b.ts → a.ts'])
})

test('a circle among others is theirs', () => {
  const complaints = complaintsOf({
    'a.ts': "import { b } from './b.js'\n",
    'b.ts': "import { c } from './c.js'\n",
    'c.ts': "import { b } from './b.js'\n",
  })
  expect(complaints).toEqual([])
})
