import { lstat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { connect, type ListenOptions, type Server } from 'node:net'
import { listenError } from './listen-error.js'

// sun_path has 108 bytes on Linux and 104 on macOS and BSD, with a NUL at the end
const longestPath = process.platform === 'linux' ? 107 : 103

/** What a server is told to listen on: a port, a file (a Unix socket or a named pipe), a descriptor. */
type Wanted = { port: number; host: string | undefined } | string | { fd: number }

/** What a server listens on. */
export type Place = { port: number } | { file: string }

/**
 * Listens. The file of a Unix socket is removed first if no process listens on it any more.
 * @returns where; the system chooses the port if it is 0
 * @throws Error with a sentence that says what to do; its `code` is the system's
 */
export async function bind(server: Server, wanted: Wanted): Promise<Place> {
  const explain = async (error: unknown): Promise<never> => {
    const code = await codeOf(error as NodeJS.ErrnoException, wanted)
    throw listenError(error as NodeJS.ErrnoException, nameOf(wanted), code)
  }
  if (typeof wanted === 'string') checkLength(wanted)
  try {
    return await tryToBind(server, wanted)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (typeof wanted !== 'string' || code !== 'EADDRINUSE' || !(await isStale(wanted))) {
      return explain(error)
    }
    await unlink(wanted).catch(() => {})
    return tryToBind(server, wanted).catch(explain)
  }
}

/** @throws Error if the path is one that the system would cut, and so listen elsewhere (unix(7)) */
function checkLength(path: string): void {
  const length = Buffer.byteLength(path)
  if (path.startsWith('\\\\') || length <= longestPath) return
  const sentence = `The path of a Unix socket has at most ${longestPath} bytes, and ${path} has ${length}: choose a shorter one.`
  throw Object.assign(new Error(sentence), { code: 'ENAMETOOLONG' })
}

/** What really is the matter: libuv says EACCES for a folder that is missing, too. */
async function codeOf(
  { code }: NodeJS.ErrnoException,
  wanted: Wanted,
): Promise<string | undefined> {
  if (typeof wanted !== 'string') return code
  const isThere = (path: string) =>
    lstat(path).then(
      () => true,
      () => false,
    )
  if (code === 'EACCES' && !(await isThere(dirname(wanted)))) return 'ENOENT'
  if (code !== 'EADDRINUSE') return code
  return lstat(wanted).then(
    (stats) => (stats.isSocket() ? code : 'EEXIST'),
    () => code,
  )
}

function tryToBind(server: Server, wanted: Wanted): Promise<Place> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      server.off('listening', done)
      reject(error)
    }
    const done = () => {
      server.off('error', failed)
      const address = server.address()
      if (typeof address === 'object' && address !== null) resolve({ port: address.port })
      else resolve({ file: address ?? nameOf(wanted) })
    }
    server.once('error', failed)
    server.once('listening', done)
    server.listen(optionsOf(wanted))
  })
}

function optionsOf(wanted: Wanted): ListenOptions | { fd: number } {
  if (typeof wanted !== 'string') return wanted
  // as a port of this machine: a proxy runs as another user, and the folder says who may come
  return { path: wanted, readableAll: true, writableAll: true }
}

function nameOf(wanted: Wanted): string {
  if (typeof wanted === 'string') return wanted
  return 'fd' in wanted ? `descriptor ${wanted.fd}` : `port ${wanted.port}`
}

/** Whether a file is a Unix socket on which no process listens. */
async function isStale(file: string): Promise<boolean> {
  const isSocket = await lstat(file).then(
    (stats) => stats.isSocket(),
    () => false,
  )
  if (!isSocket) return false
  return new Promise((resolve) => {
    const socket = connect(file)
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'))
  })
}
