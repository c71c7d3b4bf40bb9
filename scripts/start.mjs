// `npm start` on a fresh clone: set up, build, and run the standalone server.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from './build.mjs'
import { endWithParent } from './parent.mjs'
import { fail, setUp } from './setup.mjs'
import { root } from './yarn.mjs'

const server = join(root, 'packages', 'signal-server-standalone')

// `yarn start:signal-server -- --port 3000`: npm takes this -- away, and Yarn passes it on
if (process.argv[2] === '--') process.argv.splice(2, 1)

endWithParent()
try {
  await setUp()
  await build([server])
} catch (error) {
  fail(error)
}

// In this process rather than in a child: signals, arguments and the exit code are the server's own.
await import(pathToFileURL(join(server, 'dist', 'start.js')).href)
