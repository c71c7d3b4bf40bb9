import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import express from 'express'
import { SignalServer } from 'signal-server'
import { renderSVG, renderUnicodeCompact } from 'uqr'

const assets = fileURLToPath(new URL('../assets', import.meta.url))
const page = fileURLToPath(new URL('page/main.js', import.meta.url))

const bundle = await build({
  entryPoints: [page],
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  write: false,
})
const script = bundle.outputFiles[0]!.text

const app = express()
const server = createServer(app)
const signal = new SignalServer()

app.use(express.static(assets))
app.get('/page.js', (_request, response) => {
  response.type('js').send(script)
})
app.get('/invitation.json', (_request, response) => {
  response.json({ url: invitation() })
})
app.get('/invitation.svg', (_request, response) => {
  response.type('svg').send(renderSVG(invitation(), { border: 2 }))
})
signal.mount(app, server, '/signal')

const wanted = Number(process.env.PORT ?? 3000)
server.once('error', (error) => {
  console.error(`Cannot listen on port ${wanted} (${error.message}): choose another with PORT.`)
  process.exit(1)
})
server.listen(wanted, () => {
  const { port } = server.address() as AddressInfo
  console.log(`🐟 Chat at http://localhost:${port}`)
  if (!lanAddress()) return
  console.log(`   and for phones in this network at ${invitation()}\n`)
  console.log(renderUnicodeCompact(invitation(), { border: 2 }))
})

for (const signalName of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signalName, () => {
    void signal.close()
    server.close()
    server.closeAllConnections()
  })
}

/** This machine's address in the local network. */
function lanAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address
}

/** Where others find the page. */
function invitation(): string {
  const { port } = server.address() as AddressInfo
  return `http://${lanAddress() ?? 'localhost'}:${port}/`
}
