import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const cruiser = join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs')
const server = 'packages/signal-server/src'

/** Names of the rules that these files of the server break. */
async function brokenBy(files: Record<string, string>): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'imports-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    const file = join(folder, server, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const config = join(root, '.dependency-cruiser.js')
  const args = [cruiser, 'packages', '--config', config, '--output-type', 'json']
  const json = await new Promise<string>((resolve) => {
    execFile(process.execPath, args, { cwd: folder }, (_error, output) => resolve(output))
  })
  const { summary } = JSON.parse(json) as { summary: { violations: { rule: { name: string } }[] } }
  return [...new Set(summary.violations.map(({ rule }) => rule.name))].sort()
}

test('imports that lead one way are allowed', async () => {
  const broken = await brokenBy({
    'signal-server.ts': "import './introduction/endpoint.js'\nimport './limits/heap.js'\n",
    'introduction/endpoint.ts':
      "import type { Heap } from '../limits/heap.js'\nexport type H = Heap\n",
    'limits/heap.ts': 'export interface Heap {}\n',
  })
  expect(broken).toEqual([])
})

test('a circle of two files is refused, and so is one of types', async () => {
  const broken = await brokenBy({
    'limits/a.ts': "import type { B } from './b.js'\nexport type A = B\n",
    'limits/b.ts': "import type { A } from './a.js'\nexport interface B { a: A }\n",
  })
  expect(broken).toEqual(['no-circular-files'])
})

test('a circle of folders is refused, although no two files import each other', async () => {
  const broken = await brokenBy({
    'limits/a.ts': "import '../cluster/b.js'\n",
    'cluster/b.ts': 'export const b = 1\n',
    'cluster/c.ts': "import '../limits/d.js'\n",
    'limits/d.ts': 'export const d = 1\n',
  })
  expect(broken).toEqual(['no-circular-folders'])
})

test('the bus knows nothing, the endpoints know nothing of each other, and others nothing of them', async () => {
  const empty = 'export const one = 1\n'
  expect(
    await brokenBy({ 'bus/bus.ts': "import '../limits/a.js'\n", 'limits/a.ts': empty }),
  ).toEqual(['the-bus-knows-nothing'])
  expect(
    await brokenBy({
      'introduction/a.ts': "import '../connection/b.js'\n",
      'connection/b.ts': empty,
    }),
  ).toEqual(['endpoints-apart'])
  expect(
    await brokenBy({ 'limits/a.ts': "import '../connection/b.js'\n", 'connection/b.ts': empty }),
  ).toEqual(['endpoints-last'])
})
