// `npm start` of an example: builds it, and runs one of its scripts in this process, so that nothing is
// left running when npm is ended: `node ../../scripts/example.mjs dist/app.js <arguments>`.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from './build.mjs'
import { endWithParent } from './parent.mjs'
import { fail, setUp } from './setup.mjs'

endWithParent()
const [script] = process.argv.splice(2, 1)
try {
  await setUp()
  await build([process.cwd()])
} catch (error) {
  fail(error)
}
await import(pathToFileURL(resolve(script)).href)
