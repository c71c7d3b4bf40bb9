// The published server, in a process of its own: it dies of what the checks send.
import { createServer } from 'node:net'
import { Server } from '@localfirst/relay/Server.js'

// it takes port 0 but does not tell which port it got
const port = await new Promise((resolve) => {
  const finder = createServer().listen(0, () => {
    const { port } = finder.address()
    finder.close(() => resolve(port))
  })
})
await new Server({ port }).listen({ silent: true })
console.log(`http://localhost:${port}`)
