// `npm test`: set up, build, check, and run every test. Arguments go to vitest.
import { join } from 'node:path'
import { build } from './build.mjs'
import { check } from './check.mjs'
import { run } from './child.mjs'
import { endWithParent } from './parent.mjs'
import { fail, setUp } from './setup.mjs'
import { root } from './yarn.mjs'

endWithParent()
try {
  await setUp()
  console.log('Building')
  await build()
} catch (error) {
  fail(error)
}

console.log('Checking')
const failed = await check()

console.log('Testing')
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const { code } = await run(process.execPath, [vitest, 'run', ...process.argv.slice(2)], {
  cwd: root,
})

// Said again at the end, because the tests' output has pushed it out of sight.
if (failed.length > 0) fail(`These checks failed (see above): ${failed.join(', ')}`)
process.exitCode = code
