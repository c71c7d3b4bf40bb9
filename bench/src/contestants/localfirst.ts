/** `@localfirst/relay` as it is published, started as its own start script does. */
import type { Server as HttpServer } from 'node:http'
import { createServer as createTlsServer } from 'node:tls'
import { Server } from '@localfirst/relay/Server.js'
import { freePort } from '../ports.js'
import { listen, ready, tls } from './serve.js'

/** It takes port 0 but does not tell which port it got, so a free one is found beforehand. */
const port = await freePort()
const relay = new Server({ port })

/** It has no TLS itself: Node's, in the same process, hands it what comes, as `https` would. */
let http: HttpServer | undefined
const { app } = relay as unknown as { app: { listen(...args: unknown[]): HttpServer } }
const plain = app.listen.bind(app)
app.listen = (...args) => (http = plain(...args))

await relay.listen({ silent: true })
if (tls) listen(createTlsServer(tls, (socket) => http!.emit('connection', socket)))
else ready(port)
