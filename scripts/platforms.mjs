// `yarn test:platforms [jest] [next]`: runs signal-client, as packed, in Jest, which loads CommonJS, and
// in a build of Next.js, which loads each page and must not open a session. It needs a registry.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { build } from './build.mjs'
import { installPacked } from './packed.mjs'
import { fail, setUp } from './setup.mjs'

/** A build that waits for a socket would never end. */
const mostTime = 180_000

const environments = ['node', 'jsdom', '@happy-dom/jest-environment']

/** Two clients that were required; each hears the other once, and Jest ends by itself. */
const jestTest = (environment, url) => `/** @jest-environment ${environment} */
const { Client } = require('signal-client')

test('each of two clients hears the other once', async () => {
  const clients = [1, 2].map(() => new Client({ url: '${url}', keys: ['k ${environment}'] }))
  const heard = await Promise.all(
    clients.map(
      (client) =>
        new Promise((resolve) => {
          const got = []
          client.once('peer', (peer, key, socket) => {
            socket.onmessage = ({ data }) => {
              got.push(typeof data === 'string' ? data : new Uint8Array(data)[0])
              if (data === 'end') resolve(got)
            }
            for (const data of ['begin', new Uint8Array([7]), 'end']) socket.send(data)
          })
        }),
    ),
  )
  await Promise.all(clients.map((client) => client.close()))
  expect(heard).toEqual([['begin', 7, 'end'], ['begin', 7, 'end']])
  expect(clients[0].id).not.toBe(clients[1].id)
})
`

const nextFiles = (url) => ({
  'next.config.mjs': 'export default {}\n',
  'app/layout.js': `export default function Layout({ children }) {
  return <html lang="en"><body>{children}</body></html>
}
`,
  'app/client.js': `import { Client } from 'signal-client'
export const client = new Client({ url: '${url}', keys: ['k'], connect: false })
`,
  'app/page.js': `'use client'
import { useEffect, useState } from 'react'
import { client } from './client'

export default function Page() {
  const [state, setState] = useState(client.state)
  useEffect(() => {
    client.connect()
    return client.on('connected', () => setState(client.state))
  }, [])
  return <p>{state}</p>
}
`,
  'app/server/page.js': `import { client } from '../client'

export default function Page() {
  return <p>{client.state}</p>
}
`,
})

function write(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

/** Runs a program of the project, and gives what it printed, and whether it ended well and in time. */
function runIn(folder, program, args) {
  const env = { ...process.env, CI: 'true', NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: undefined }
  const options = { cwd: folder, env, timeout: mostTime, killSignal: 'SIGKILL' }
  return new Promise((resolve) => {
    const path = join(folder, 'node_modules', program)
    execFile(process.execPath, [path, ...args], options, (error, stdout, stderr) => {
      const late = error?.killed ? `\nIt did not end within ${mostTime / 1_000} s.` : ''
      resolve({ ended: error === null, output: stdout + stderr + late })
    })
  })
}

async function jest(folder) {
  const { SignalServer } = await import('../packages/signal-server/dist/index.js')
  const jsdom = { 'jest-environment-jsdom': '^30.0.0', '@happy-dom/jest-environment': '^20.0.0' }
  await installPacked(folder, { jest: '^30.0.0', ...jsdom })
  const server = new SignalServer()
  const { url } = await server.listen({ port: 0, host: '127.0.0.1' })
  const files = environments.map((one, index) => [`${index}.test.js`, jestTest(one, url)])
  write(folder, Object.fromEntries(files))
  // --forceExit is not given: Jest ends only if the clients hold nothing
  const { ended, output } = await runIn(folder, 'jest/bin/jest.js', ['--rootDir', folder, '--ci'])
  await server.close()
  return { name: `Jest, with ${environments.join(', ')}`, ok: ended, output }
}

async function next(folder) {
  await installPacked(folder, { next: '^16.0.0', react: '^19.0.0', 'react-dom': '^19.0.0' })
  let connections = 0
  const server = createServer(() => connections++).listen(0, '127.0.0.1')
  await once(server, 'listening')
  write(folder, nextFiles(`http://127.0.0.1:${server.address().port}`))
  const { ended, output } = await runIn(folder, 'next/dist/bin/next', ['build'])
  server.close()
  const sessions = `${connections} connections to the signal server`
  const ok = ended && connections === 0
  return { name: `next build, ${sessions}`, ok, output: `${output}\n${sessions}` }
}

const all = { jest, next }
const chosen = process.argv.slice(2)
const unknown = chosen.find((name) => !Object.hasOwn(all, name))
if (unknown !== undefined) {
  fail(new Error(`There is no platform "${unknown}": name ${Object.keys(all).join(' or ')}.`))
}
/** Prints whether a platform works, and if not, what it said. */
async function check(name) {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`))
  try {
    const { name: what, ok, output } = await all[name](folder)
    console.log(`${ok ? '✓' : '✗'} ${what}`)
    if (ok) return
    console.log(output)
    process.exitCode = 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

try {
  await setUp()
  await build()
  for (const name of chosen.length > 0 ? chosen : Object.keys(all)) await check(name)
} catch (error) {
  fail(error)
}
