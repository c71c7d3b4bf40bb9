import { statSync } from 'node:fs'

import { availableParallelism } from 'node:os'

/** A setting that is wrong; the message is a sentence that names it and says what it may be. */
export class SettingError extends Error {
  override readonly name = 'SettingError'
}

/** What a setting may be. */
export interface Kind<T> {
  /** Ends the sentence "PORT must be …". */
  readonly expected: string
  /** @returns undefined where the text is not of this kind */
  parse(text: string): T | undefined
}

export const text: Kind<string> = {
  expected: 'a text that is not empty',
  parse: (given) => given || undefined,
}

export const folder: Kind<string> = {
  expected: 'a folder that is there',
  parse: (given) =>
    statSync(given, { throwIfNoEntry: false })?.isDirectory() === true ? given : undefined,
}

export const secret: Kind<string> = {
  expected:
    'a secret of at least 32 bytes: "openssl rand -hex 32" makes one, and without OpenSSL ' +
    `node -p "crypto.randomBytes(32).toString('hex')"`,
  parse: (given) => (Buffer.byteLength(given) >= 32 ? given : undefined),
}

export const redisUrl: Kind<string> = {
  expected: 'a URL such as redis://127.0.0.1:6379, or rediss:// for TLS',
  parse: (given) => (/^rediss?:$/.test(URL.parse(given)?.protocol ?? '') ? given : undefined),
}

/** A port, or the path of a Unix socket or of a named pipe of Windows. */
export const portOrSocket: Kind<number | string> = {
  expected: 'a port number from 0 to 65535, or the path of a Unix socket',
  parse: (given) => {
    if (/^\.?\/.*[^/]$/.test(given) || /^\\\\[.?]\\pipe\\./i.test(given)) return given
    return /^\d{1,5}$/.test(given) && Number(given) <= 65_535 ? Number(given) : undefined
  },
}

export const number: Kind<number> = {
  expected: 'a number above 0, or none',
  parse: (given) => {
    if (given === 'none') return Infinity
    return /^\d+$/.test(given) && Number(given) > 0 ? Number(given) : undefined
  },
}

export const processes: Kind<number> = {
  expected: 'a number of processes from 1 to 256, or auto for one a core',
  parse: (given) => {
    if (given === 'auto') return availableParallelism()
    const count = /^\d{1,3}$/.test(given) ? Number(given) : 0
    return count >= 1 && count <= 256 ? count : undefined
  },
}

export const path: Kind<string> = {
  expected: 'a path such as /signal',
  parse: (given) => (given === '/' || /^(\/[\w.~-]+)+\/?$/.test(given) ? given : undefined),
}

/** Where an endpoint is; false if it is off. */
const endpointAt = (
  usual: string,
  expected: string,
  isAllowed: (path: string) => boolean,
): Kind<string | false> => ({
  expected,
  parse: (given) => {
    const on = flag.parse(given)
    if (on !== undefined) return on && usual
    const found = given === '*' ? given : path.parse(given)?.replace(/(?<=.)\/$/, '')
    return found !== undefined && isAllowed(found) ? found : undefined
  },
})

/** The path of WebSockets, which may be every path that is nothing else. */
export const webSocketPath = (usual: string): Kind<string | false> =>
  endpointAt(
    usual,
    `on, off, a path such as ${usual}, or * for every path that is nothing else`,
    () => true,
  )

/** A path of its own, below which everything belongs to one endpoint. */
export const ownPath = (usual: string): Kind<string | false> =>
  endpointAt(usual, `on, off, or a path such as ${usual}`, (one) => one !== '*' && one !== '/')

export const list: Kind<readonly string[]> = {
  expected: 'a list, with commas between',
  parse: (given) => {
    const entries = given.split(',').map((entry) => entry.trim())
    return entries.includes('') ? undefined : entries
  },
}

/** URLs of ICE servers (RFC 7064, RFC 7065). */
export const urls = (scheme: 'stun' | 'turn'): Kind<readonly string[]> => ({
  expected: `a list of URLs such as ${scheme}:turn.example.com:3478, with commas between`,
  parse: (given) => {
    const entries = list.parse(given)
    const pattern = new RegExp(`^${scheme}s?:[^\\s/?]+(\\?transport=(udp|tcp))?$`)
    return entries?.every((entry) => pattern.test(entry)) ? entries : undefined
  },
})

export const flag: Kind<boolean> = {
  expected: 'on or off',
  parse: (given) => {
    const known: Record<string, boolean> = {
      on: true,
      true: true,
      1: true,
      off: false,
      false: false,
      0: false,
    }
    return known[given.toLowerCase()]
  },
}

export const oneOf = <T extends string>(...words: T[]): Kind<T> => ({
  expected: words.join(' or '),
  parse: (given) => words.find((word) => word === given),
})

export const trust: Kind<boolean | number | string> = {
  expected: 'true, false, a number of proxies, or their addresses such as "10.0.0.0/8, loopback"',
  parse: (given) => {
    if (given === 'true' || given === 'false') return given === 'true'
    return /^\d+$/.test(given) ? Number(given) : given || undefined
  },
}
