/** PeerJS server with room for as many clients as we let in; the load has its messages relayed as offers. */
import type { AddressInfo } from 'node:net'
import { PeerServer } from 'peer'
import { ready, tls } from './serve.js'

const options = { port: 0, host: '127.0.0.1', concurrent_limit: 20_000 }

PeerServer(
  tls ? { ...options, ssl: { key: tls.key.toString(), cert: tls.cert.toString() } } : options,
  (server) => ready((server.address() as AddressInfo).port),
)
