// For Docker: whether the server beside this process answers, whatever its settings are.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
process.removeAllListeners('warning')

const { PORT = '8080', HOST = '127.0.0.1', BASE_PATH = '', KEY } = process.env
const host = ['', '0.0.0.0', '::'].includes(HOST) ? '127.0.0.1' : HOST
const place = `${host.includes(':') ? `[${host}]` : host}:${/^\d+$/.test(PORT) ? PORT : '8080'}`
const url = `${KEY ? 'https' : 'http'}://${place}${BASE_PATH.replace(/\/$/, '')}/healthz`

// fetch has no way to a Unix socket
const socketPath = /^\d*$/.test(PORT) ? undefined : PORT
const { get } = await import(KEY ? 'node:https' : 'node:http')
const asked = get(socketPath ? { socketPath, path: new URL(url).pathname } : url)
asked.on('response', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
asked.on('error', () => process.exit(1))
setTimeout(() => process.exit(1), 4_000)
