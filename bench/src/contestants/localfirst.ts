/** `@localfirst/relay` as it is published, started as its own start script does. */
import { Server } from '@localfirst/relay/Server.js'
import { freePort } from '../free-port.js'
import { ready } from './serve.js'

/** It takes port 0 but does not tell which port it got, so a free one is found beforehand. */
const port = await freePort()

await new Server({ port }).listen({ silent: true })
ready(port)
