import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  anchorsOf,
  findDocuments,
  linksOf,
  readDocument,
  root,
  samplesOf,
  type Sample,
} from './markdown.js'

const documents = findDocuments()
const samples = documents.flatMap(samplesOf)
const code = samples.filter(({ language }) => ['ts', 'js'].includes(language))
const commands = samples
  .filter(({ language }) => language === 'sh')
  .flatMap(({ place, text }) => text.split('\n').map((line) => ({ place, line: line.trim() })))

const kinds = [
  'dependencies',
  'devDependencies',
  'peerDependencies',
  'optionalDependencies',
] as const
type Manifest = Partial<Record<(typeof kinds)[number], Record<string, string>>>

describe('README', () => {
  test.each([
    ['npm start', 'npm test'],
    ['yarn start:signal-server', 'yarn test'],
  ])('shows `%s` and `%s`', (start, testing) => {
    const lines = commands
      .filter(({ place }) => place.startsWith('README.md:'))
      .map(({ line }) => line)
    expect(lines).toContain(start)
    expect(lines).toContain(testing)
  })
})

describe('commands', () => {
  const { scripts } = JSON.parse(readDocument('package.json')) as { scripts: object }
  const named = commands.flatMap(({ place, line }) => {
    const found = /^(?:npm (?:run )?|yarn )(?<script>[\w:-]+)/.exec(line)?.groups?.script
    const builtIn = ['install', 'ci', 'add', 'init', 'workspace', 'exec', 'pack']
    return found && !builtIn.includes(found) ? [{ place, script: found }] : []
  })

  test.each(named)('$place: the script $script exists', ({ script }) => {
    expect(Object.keys(scripts)).toContain(script)
  })
})

describe('links', () => {
  const links = documents.flatMap((document) =>
    linksOf(document)
      .filter((target) => !/^[a-z]+:/.test(target))
      .map((target) => ({ document, target })),
  )

  test.each(links)('$document: $target exists', ({ document, target }) => {
    const [path, anchor] = target.split('#')
    const file = path ? join(dirname(document), path) : document
    expect(existsSync(join(root, file)), file).toBe(true)
    if (anchor) expect(anchorsOf(file)).toContain(anchor)
  })
})

describe('ARCHITECTURE', () => {
  const sources = ['signal-server', 'signal-webrtc', 'signal-client'].flatMap((name) =>
    readdirSync(join(root, 'packages', name, 'src'), { recursive: true, encoding: 'utf8' }),
  )
  const named = readDocument('ARCHITECTURE.md').match(/(?<=`)[\w/-]+\.ts(?=`)/g) ?? []

  test.each([...new Set(named)])('names %s, which is there', (file) => {
    expect(sources.some((path) => `/${path}`.endsWith(`/${file}`))).toBe(true)
  })

  const [, table = ''] = readDocument('ARCHITECTURE.md').split('\n## Dependencies\n')
  const { workspaces } = JSON.parse(readDocument('package.json')) as { workspaces: string[] }
  const folders = workspaces.flatMap((workspace) => {
    const [parent = '', every] = workspace.split('/')
    if (every === undefined) return [workspace]
    // a folder that is no package any more may have a build left in it
    const isPackage = (folder: string) => existsSync(join(root, folder, 'package.json'))
    return readdirSync(join(root, parent))
      .map((name) => join(parent, name))
      .filter(isPackage)
  })
  const dependencies = ['.', ...folders].flatMap((folder) => {
    const manifest = JSON.parse(readDocument(join(folder, 'package.json'))) as Manifest
    return kinds.flatMap((kind) => Object.entries(manifest[kind] ?? {}))
  })
  const published = dependencies
    .filter(([name, version]) => !/^workspace:/.test(version) && !/^@types\//.test(name))
    .map(([name]) => name)

  test.each([...new Set(published)])('says what %s is for', (name) => {
    expect(table).toContain(`\`${name}\``)
  })
})

describe('code samples', () => {
  // Inside the repository, so that imports resolve as they do for its own files.
  let folder: string
  const files = new Map<Sample, string>()

  beforeAll(() => {
    mkdirSync(join(root, 'node_modules', '.cache'), { recursive: true })
    folder = mkdtempSync(join(root, 'node_modules', '.cache', 'samples-'))
    // Without this, what lies in node_modules would be nobody's module and CommonJS.
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    code.forEach((sample, index) => {
      const file = join(folder, `sample-${index}.${sample.language}`)
      writeFileSync(file, sample.text)
      files.set(sample, file)
    })
  })

  afterAll(() => {
    rmSync(folder, { recursive: true })
  })

  test('pass the type check', { timeout: 240_000 }, () => {
    const program = ts.createProgram([...files.values()], {
      ...compilerOptions(),
      noUnusedLocals: false,
      noUnusedParameters: false,
      allowJs: true,
      checkJs: true,
      noEmit: true,
    })
    const complaints = [...files].flatMap(([{ place }, file]) => {
      const source = program.getSourceFile(file)
      return ts
        .getPreEmitDiagnostics(program, source)
        .map(({ messageText }) => `${place}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`)
    })
    expect(complaints).toEqual([])
  })

  // A sample whose fence says "ts run" or "js run" is a program: it prints a line or ends well.
  const programs = code.filter(({ mark }) => mark === 'run')

  test.each(programs)('$place runs', async (sample) => {
    const { outputText } = ts.transpileModule(sample.text, {
      compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
    })
    const file = `${files.get(sample)}.mjs`
    writeFileSync(file, outputText)
    const program = spawn(process.execPath, [file], {
      env: { ...process.env, PORT: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended = once(program, 'exit')
    let complaint = ''
    program.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text))
    const printed = once(createInterface({ input: program.stdout }), 'line').then(() => 'printed')
    const outcome = await Promise.race([printed, ended.then(([status]: unknown[]) => status)])
    program.kill()
    await ended
    expect(['printed', 0], complaint).toContain(outcome)
  })
})

function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(
    join(root, 'tsconfig.check.json'),
    ts.sys.readFile.bind(ts.sys),
  )
  return ts.parseJsonConfigFileContent(config, ts.sys, root).options
}
