import { RawClient } from '../clients/raw-client.js'
import { ServerProcess } from '../server/server-process.js'
import type { Target } from '../target.js'
import { pause, type Storm } from './storm.js'

const warning = 'SIGNAL_COOKIES_WITHOUT_ORIGINS'
const own = 'https://app.example'
const foreign = 'https://other.example'

/** A WebSocket that a page of an origin opens, with the cookies of its user. */
const visit = (target: Target, origin: string) =>
  RawClient.open(
    { ...target, headers: { Cookie: 'user=alice', Origin: origin } },
    '/introduction/alice',
  )

/** A page of another origin comes with the cookies of its user, to a hook that reads them. */
export const foreignPages: Storm = {
  name: 'cookies-of-foreign-pages',
  row: 58,
  async run(target) {
    const start = (options: object) =>
      ServerProcess.start(options, target.checkout, { name: 'cookie-hook.js' })
    const [open, listed] = await Promise.all([start({}), start({ origins: [own] })])
    const faults: string[] = []
    try {
      await visit({ ...target, port: open.port }, foreign)
      await pause(500)
      if (!open.errors.includes(warning)) {
        faults.push('Cookies: nobody is told that a hook reads them without "origins".')
      }
      const closed = { ...target, port: listed.port }
      if ((await visit(closed, foreign)).accepted) {
        faults.push('Cookies: a page of an origin that is not listed came in.')
      }
      if (!(await visit(closed, own)).accepted) {
        faults.push('Cookies: a page of a listed origin did not come in.')
      }
    } finally {
      await Promise.all([open.stop(), listed.stop()])
    }
    return { faults }
  },
}
