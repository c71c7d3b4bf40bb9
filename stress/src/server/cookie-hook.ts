import type * as library from 'signal-server'
import type { Checkout } from '../checkout.js'
import { answerReports } from './probe.js'

// A server whose `authorize` hook asks who is logged in, by the cookies of the request.

const { checkout, options } = JSON.parse(process.argv[2] ?? '{}') as {
  checkout: Checkout
  options: library.SignalServerOptions
}
const { SignalServer } = (await import(checkout.library)) as typeof library

const authorize: library.Authorize = ({ headers }) => headers.cookie === 'user=alice'
const server = new SignalServer({ ...options, authorize })
server.on('fault', (error) => process.send?.({ fault: error.stack }))
answerReports(() => ({ stats: server.stats() }))
process.on('disconnect', () => process.exit(0))
const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
process.send?.({ port })
