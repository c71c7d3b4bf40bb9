// `yarn test:types [--typescript 5.4]`: compiles an app that uses signal-client, as packed, with
// several compilers and settings, and requires it from CommonJS. It needs a registry.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from './build.mjs'
import { run } from './child.mjs'
import { installPacked } from './packed.mjs'
import { fail, setUp } from './setup.mjs'

const compilers = { 5.4: '~5.4.5', 5.8: '~5.8.3', '6.0': '~6.0.3' }
/** By name: compiler options, and whether files are ES modules. */
const modules = {
  nodenext: [{ module: 'nodenext', moduleResolution: 'nodenext' }, 'module'],
  bundler: [{ module: 'esnext', moduleResolution: 'bundler' }, 'module'],
  commonjs: [{ module: 'node16', moduleResolution: 'node16' }, 'commonjs'],
}
const libraries = { 'with DOM': ['es2022', 'dom'], 'without DOM': ['es2022'] }

const app = `
import { Client, SignalError, type PipeSocket } from 'signal-client'

export const client = new Client({ url: 'http://localhost:8080', keys: ['k'], connect: false })
const send = (socket: PipeSocket, bytes: Uint8Array) => socket.send(bytes)
client.once('connected', ({ server }) => server.name.toUpperCase())
client.on('error', (error: SignalError) => error.code === 'http_404')
client.on('peer', async (peer, key, socket) => {
  send(socket, new Uint8Array(8))
  socket.send(new DataView(new ArrayBuffer(8)))
  socket.onclose = ({ code, reason, wasClean }) => [code + 1, reason.trim(), wasClean]
  const stream = peer.stream(key)
  if (stream) for await (const chunk of stream) if (typeof chunk !== 'string') send(socket, chunk)
})
`
const withDom = `
client.on('peer', (_peer, _key, socket) => {
  const target: EventTarget = socket
  socket.onmessage = (event: MessageEvent) => target.dispatchEvent(event)
  socket.addEventListener('message', ({ data }) => new Blob([data as ArrayBuffer]))
  const { readable } = socket.stream()
  void readable.pipeThrough(new TransformStream()).getReader().read()
  socket.send(new Blob(['text']))
})
export const custom = new Client({ url: new URL('http://localhost'), WebSocket, connect: false })
`
// their own types need the DOM's, and those of Automerge ES modules
const withDocuments = `
import * as A from '@automerge/automerge'
import * as Y from 'yjs'

client.on('peer', (_peer, _key, socket) => {
  socket.send(Y.encodeStateAsUpdate(new Y.Doc()))
  socket.send(A.save(A.init()))
  socket.addEventListener('message', ({ data }) => {
    if (data instanceof ArrayBuffer) Y.applyUpdate(new Y.Doc(), new Uint8Array(data))
  })
})
`

/** Writes a project of the matrix and gives its folder. */
function project(folder, version, module, library) {
  const [options, type] = modules[module]
  const path = join(folder, `${version} ${module} ${library}`)
  const hasDom = library === 'with DOM'
  const text = [app, hasDom && withDom, hasDom && type === 'module' && withDocuments]
  const settings = { strict: true, noEmit: true, skipLibCheck: false, types: [], target: 'es2022' }
  mkdirSync(path)
  writeFileSync(join(path, 'package.json'), JSON.stringify({ type }))
  writeFileSync(join(path, 'app.ts'), text.filter(Boolean).join(''))
  const compilerOptions = { ...settings, ...options, lib: libraries[library] }
  writeFileSync(join(path, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
  return path
}

/** The compilers, under a name of their own each. */
const aliases = (versions) =>
  Object.fromEntries(
    versions.map((version) => [`typescript-${version}`, `npm:typescript@${compilers[version]}`]),
  )

/** What a compiler has to say of the app and of our packages; what it says of others is theirs. */
const complaints = (output) =>
  output
    .split('\n')
    .filter((line) => /error TS/.test(line) && !/node_modules\/(yjs|lib0|@automerge)\//.test(line))

async function matrix(folder, versions) {
  const documents = { yjs: '^13.6.0', '@automerge/automerge': '^3.0.0' }
  await installPacked(folder, { ...documents, ...aliases(versions) })
  let failed = 0
  const report = (name, said) => {
    console.log(`${said.length === 0 ? '✓' : '✗'} ${name}`)
    for (const line of said) console.log(`    ${line}`)
    failed += said.length > 0
  }
  for (const version of versions) {
    const tsc = join(folder, 'node_modules', `typescript-${version}`, 'bin', 'tsc')
    for (const module of Object.keys(modules)) {
      for (const library of Object.keys(libraries)) {
        const path = project(folder, version, module, library)
        const { code, output } = await run(process.execPath, [tsc, '-p', path], { capture: true })
        const said = complaints(output)
        const isSilent = code !== 0 && said.length === 0 && !/error TS/.test(output)
        report(`TypeScript ${version}, ${module}, ${library}`, isSilent ? [output] : said)
      }
    }
  }
  const program = `const { Client } = require('signal-client'); new Client({ url: 'http://localhost', connect: false })`
  const { code, output } = await run(process.execPath, ['-e', program], {
    capture: true,
    cwd: folder,
  })
  report('require', code === 0 ? [] : [output])
  if (failed > 0) process.exitCode = 1
}

const { values } = parseArgs({ options: { typescript: { type: 'string', multiple: true } } })

async function inFolder(act) {
  const folder = mkdtempSync(join(tmpdir(), 'types-'))
  try {
    await act(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

try {
  await setUp()
  await build()
  await inFolder((folder) => matrix(folder, values.typescript ?? Object.keys(compilers)))
} catch (error) {
  fail(error)
}
