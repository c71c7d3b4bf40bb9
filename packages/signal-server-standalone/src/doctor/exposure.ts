import type { Probe } from './probe.js'
import type { Report } from './report.js'

// a name that nobody can have (RFC 2606)
const strangeOrigin = 'https://doctor.invalid'

/** Whether pages of any origin may connect from their visitors' browsers. */
export async function origins(probe: Probe, path: string, report: Report): Promise<void> {
  const refused = await probe.open(path, true, { origin: strangeOrigin }).then(
    (peer) => {
      peer.end()
      return false
    },
    () => true,
  )
  if (refused) return report.good('origins', 'pages of other origins are refused')
  report.warn(
    'origins',
    'Every web page may connect from the browsers of its visitors.',
    'ORIGINS=https://app.example.com lets only the pages of your app in.',
  )
}

/** Whether a proxy is in front, which the server has to know of. */
export async function proxy(probe: Probe, report: Report): Promise<void> {
  const { headers } = await probe.get('/healthz')
  // the server itself sends neither
  const sign = headers['via'] ?? headers['server']
  if (sign === undefined) {
    return report.note(
      'proxy',
      'none that shows itself: if there is one, the server needs TRUST_PROXY=1',
    )
  }
  report.warn(
    'proxy',
    `A proxy answers in front of the server (${String(sign).slice(0, 60)}). It cannot be seen from outside whether the server knows it.`,
    'With TRUST_PROXY=1 the limits count each client. Without it they count the proxy, or nobody; the server says so in its log ("proxy") at the first request.',
  )
}
