/** The floor in C: HAProxy on one thread, passing TCP connections on to the load. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accepting, freePort } from '../ports.js'
import { haproxyPath } from './contestants.js'
import { backendPort, ready, tlsFiles } from './serve.js'

const folder = mkdtempSync(join(tmpdir(), 'bench-haproxy-'))
const port = await freePort()

let security = ''
if (tlsFiles) {
  const file = join(folder, 'both.pem')
  writeFileSync(
    file,
    [tlsFiles.cert, tlsFiles.key].map((name) => readFileSync(name, 'utf8')).join('\n'),
  )
  security = ` ssl crt ${file}`
}
const configuration = join(folder, 'haproxy.cfg')
writeFileSync(
  configuration,
  `global
  nbthread 1
  maxconn 9000
defaults
  mode tcp
  timeout connect 5s
  timeout client 300s
  timeout server 300s
frontend in
  bind 127.0.0.1:${port} backlog 4096${security}
  default_backend out
backend out
  server load 127.0.0.1:${backendPort}
`,
)

const haproxy = spawn(haproxyPath, ['-db', '-q', '-f', configuration], {
  stdio: ['ignore', 'inherit', 'inherit'],
})
process.on('exit', () => {
  haproxy.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})
process.on('SIGTERM', () => process.exit(0))
haproxy.on('exit', (code) => {
  process.stderr.write(`haproxy ended with ${code}\n`)
  process.exit(1)
})

// It says nothing when it is ready: it is, once it accepts.
await accepting(port)
ready(port, { pids: [haproxy.pid!] })
