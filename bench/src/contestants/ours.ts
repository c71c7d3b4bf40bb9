/** Our server, with its defaults. */
import { SignalServer } from 'signal-server'
import { ready, tls } from './serve.js'

const { port } = await new SignalServer().listen({
  port: 0,
  host: '127.0.0.1',
  ...(tls ? { tls } : {}),
})
ready(port)
