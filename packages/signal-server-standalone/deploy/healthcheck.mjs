// For Docker: whether the server beside this process answers, whatever its settings are.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
process.removeAllListeners('warning')

const { PORT = '8080', HOST = '127.0.0.1', BASE_PATH = '', KEY } = process.env
const host = ['', '0.0.0.0', '::'].includes(HOST) ? '127.0.0.1' : HOST
const place = `${host.includes(':') ? `[${host}]` : host}:${PORT || '8080'}`
const url = `${KEY ? 'https' : 'http'}://${place}${BASE_PATH.replace(/\/$/, '')}/healthz`

const healthy = await fetch(url, { signal: AbortSignal.timeout(4_000) }).then(
  ({ ok }) => ok,
  () => false,
)
process.exit(healthy ? 0 : 1)
