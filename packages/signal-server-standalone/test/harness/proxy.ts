import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { eventually } from '../../../signal-server/test/harness/arrivals.js'
import { makeCertificate } from './certificate.js'

export const proxies = ['nginx', 'haproxy', 'caddy'] as const
export type ProxyName = (typeof proxies)[number]

const folders = ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin']

/** Where a program is installed; undefined where it is not. */
export const findProgram = (name: string): string | undefined =>
  folders.map((folder) => join(folder, name)).find((path) => existsSync(path))

/** A file that is shipped for deployment. */
export const shipped = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../deploy/${name}`, import.meta.url)), 'utf8')

/** What is of a test in a configuration. */
interface Places {
  http: number
  https: number
  /** Port of the server behind it. */
  server: string
  key: string
  cert: string
  folder: string
}

/** The shipped configurations, on the ports and with the certificate of a test. */
const configurations: Record<ProxyName, (places: Places) => string> = {
  nginx: ({ http, https, server, key, cert, folder }) => {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    const site = shipped('nginx.conf')
      .replace('listen 80;', `listen 127.0.0.1:${http};`)
      .replace('listen 443 ssl;', `listen 127.0.0.1:${https} ssl;`)
      .replace(/\/etc\/letsencrypt\S+fullchain\.pem/, cert)
      .replace(/\/etc\/letsencrypt\S+privkey\.pem/, key)
      .replace('127.0.0.1:8080', `127.0.0.1:${server}`)
    return `daemon off;
      master_process off;
      pid ${folder}/pid;
      events { worker_connections 512; }
      http {
        access_log off;
        ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
        ${site}
      }`
  },
  haproxy: ({ http, https, server, key, cert, folder }) => {
    const both = join(folder, 'both.pem')
    writeFileSync(both, [cert, key].map((file) => readFileSync(file, 'utf8')).join('\n'))
    return shipped('haproxy.cfg')
      .replace('maxconn 50000', 'maxconn 500')
      .replace('bind :80', `bind 127.0.0.1:${http}`)
      .replace('bind :443', `bind 127.0.0.1:${https}`)
      .replace(/\/etc\/haproxy\/certs\S+/, both)
      .replace('127.0.0.1:8080', `127.0.0.1:${server}`)
  },
  caddy: ({ http, https, server, key, cert }) => `{
      admin off
      http_port ${http}
      https_port ${https}
    }
    ${shipped('Caddyfile')
      .replace('{$DOMAIN:signal.example.com} {', `127.0.0.1 {\ntls ${cert} ${key}`)
      .replace('{$UPSTREAM:127.0.0.1:8080}', `127.0.0.1:${server}`)}`,
}

/** Of Caddy's configuration for one server, that for several. */
export const forInstances =
  (...urls: string[]) =>
  (configuration: string): string => {
    const upstreams = urls.map((url) => new URL(url).host).join(' ')
    const several = shipped('Caddyfile.instances')
      .replace(/^[^]*?reverse_proxy /, 'reverse_proxy ')
      .replace(/{\$UPSTREAMS:[^}]*}/, upstreams)
    return configuration.replace(/reverse_proxy [^]*$/, several)
  }

const commands: Record<ProxyName, { run: string[]; check: string[] }> = {
  nginx: { run: ['-e', 'stderr', '-c'], check: ['-e', 'stderr', '-t', '-q', '-c'] },
  haproxy: { run: ['-db', '-q', '-f'], check: ['-c', '-q', '-f'] },
  caddy: {
    run: ['run', '--adapter', 'caddyfile', '--config'],
    check: ['validate', '--adapter', 'caddyfile', '--config'],
  },
}

/** A proxy in front of a server, until the test ends. */
export interface Proxy {
  http: string
  https: string
  /** Its self-signed certificate. */
  ca: Buffer
}

/**
 * Starts a proxy with the configuration that is shipped for it.
 * @param edit - makes a configuration of it that is not the shipped one
 */
export async function startProxy(
  name: ProxyName,
  serverUrl: string,
  edit: (configuration: string) => string = (shipped) => shipped,
): Promise<Proxy> {
  const folder = mkdtempSync(join(tmpdir(), 'signal-proxy-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const { key, cert, ca } = makeCertificate()
  const [http, https] = [await freePort(), await freePort()]
  const server = new URL(serverUrl).port
  const file = join(folder, 'configuration')
  writeFileSync(file, edit(configurations[name]({ http, https, server, key, cert, folder })))

  const program = findProgram(name)!
  const { run, check } = commands[name]
  const env = { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
  const checked = spawnSync(program, [...check, file], { cwd: folder, env, encoding: 'utf8' })
  if (checked.status !== 0) throw new Error(`${name} refuses its configuration: ${checked.stderr}`)

  const child = spawn(program, [...run, file], { cwd: folder, env, stdio: 'ignore' })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  await eventually(async () => (await accepts(http)) && accepts(https), `${name} to listen`)
  return { http: `http://127.0.0.1:${http}`, https: `https://127.0.0.1:${https}`, ca }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => resolve(true))
    socket.on('error', () => resolve(false))
    socket.on('close', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}
