import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import expressWs from 'express-ws'
import { SignalServer } from 'signal-server'

// An app that was there before: a page, and a WebSocket route of its own by express-ws.
const bare = express()
const server = createServer(bare)
const withSockets = expressWs(bare, server)
const { app } = withSockets

app.get('/', (_request, response) => {
  response.send('The app that was here before. Peers find each other below /signal.')
})
app.ws('/echo', (socket) => {
  socket.on('message', (message: string) => socket.send(`echo: ${message}`))
})

// This is all that the signal server takes: one line, before or after the app's own routes.
const signal = new SignalServer().mount(app, server, '/signal')

// express-ws passes the errors of the server on to its own
withSockets.getWss().on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EADDRINUSE') throw error
  console.error('The port is in use already: choose another one with PORT=3001.')
  process.exit(1)
})
server.listen(Number(process.env.PORT ?? 3000), () => {
  const { port } = server.address() as AddressInfo
  console.log(`The app is at http://localhost:${port}`)
  console.log(`The signal server is at http://localhost:${port}/signal`)
})

for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    void signal.close()
    server.close()
    server.closeAllConnections()
  })
}
