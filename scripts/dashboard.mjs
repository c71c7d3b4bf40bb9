// `yarn test:dashboard [--minutes N]`: asks a real Prometheus for each query of the Grafana dashboard
// while a server is at work, and prints what it answers. `npm test` does the same for some seconds.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from './build.mjs'
import { run } from './child.mjs'
import { endWithParent } from './parent.mjs'
import { fail, setUp } from './setup.mjs'
import { root } from './yarn.mjs'

endWithParent()
let minutes
try {
  const { values } = parseArgs({ options: { minutes: { type: 'string', default: '1' } } })
  minutes = Number(values.minutes)
  if (!(minutes > 0 && minutes <= 60)) throw new Error('--minutes must be a number up to 60.')
  await setUp()
  await build()
} catch (error) {
  fail(error)
}
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const test = 'packages/signal-server-standalone/test/dashboard.test.ts'
const args = ['run', test, '--disableConsoleIntercept']
const { code } = await run(process.execPath, [vitest, ...args], {
  cwd: root,
  env: { ...process.env, DASHBOARD_MINUTES: String(minutes) },
})
process.exitCode = code
