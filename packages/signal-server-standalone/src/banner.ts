import { networkInterfaces } from 'node:os'
import { renderUnicodeCompact } from 'uqr'
import type { Settings } from './settings.js'

/**
 * What a person sees when the server has started: where it is, and what is on and off.
 *
 * @param url - as this machine reaches it
 * @param columns - of the terminal; undefined where there is none, and then there is no QR code
 */
export function banner(settings: Settings, url: string, columns: number | undefined): string {
  const others = networkUrls(settings, url)
  const lines = [`🐟 Listening at ${url}`]
  for (const [index, other] of others.entries()) {
    lines.push(`   ${index === 0 ? 'In your network:' : '                '} ${other}`)
  }
  lines.push('', ...onAndOff(settings))
  const [first] = others
  if (first !== undefined && columns !== undefined) {
    const code = renderUnicodeCompact(first, { border: 1 })
    const wide = code.split('\n')[0]!.length
    if (wide + 3 <= columns) lines.push('', ...code.split('\n').map((line) => `   ${line}`))
  }
  return `${lines.join('\n')}\n`
}

function onAndOff(settings: Settings): string[] {
  const { tls, tokens, ice, redisUrl, metrics, statusPage, demo, server, workers } = settings
  const { origins, trustProxy, maxSocketsPerAddress, maxUpgradesPerSecond } = server
  const perAddress = [maxSocketsPerAddress, maxUpgradesPerSecond].some(
    (limit) => limit !== Infinity,
  )
  const iceServers = ice.stunUrls.length + ice.turnUrls.length
  const password = tokens?.password === undefined ? 'made elsewhere' : 'POST /app'
  const parts: (readonly [on: boolean, name: string, detail?: string])[] = [
    ...(workers > 1 ? [[true, 'workers', String(workers)] as const] : []),
    [tls !== undefined, 'TLS'],
    [tokens !== undefined, 'tokens', tokens ? password : 'everybody may come in'],
    [origins !== undefined, 'origins', origins?.join(', ') ?? 'every web page may come in'],
    [perAddress, 'limits per address'],
    [
      trustProxy !== false,
      'trusted proxies',
      trustProxy === false ? undefined : String(trustProxy),
    ],
    [redisUrl !== undefined, 'Redis'],
    [iceServers > 0, 'ICE servers', iceServers > 0 ? String(iceServers) : undefined],
    [statusPage, 'status page'],
    [demo, 'video calls', demo ? '/demo' : undefined],
    [metrics, 'metrics', metrics ? '/metrics' : undefined],
  ]
  const shown = (wanted: boolean) =>
    parts
      .filter(([on]) => on === wanted)
      .map(([, name, detail]) => (detail === undefined ? name : `${name} (${detail})`))
  return [...wrapped('   on   ', shown(true)), ...wrapped('   off  ', shown(false))]
}

/** Lines of at most 80 columns, which begin below each other. */
function wrapped(label: string, parts: readonly string[]): string[] {
  const lines: string[] = []
  for (const part of parts) {
    const last = lines.at(-1)
    if (last !== undefined && `${label}${last}, ${part},`.length <= 80) {
      lines[lines.length - 1] = `${last}, ${part}`
    } else {
      lines.push(part)
    }
  }
  return lines.map((line, index) => {
    const comma = index < lines.length - 1 ? ',' : ''
    return (index === 0 ? label : ' '.repeat(label.length)) + line + comma
  })
}

/** Under which URLs other machines reach it, as far as this one can know. */
function networkUrls({ host }: Settings, url: string): string[] {
  if (url.startsWith('unix:')) return []
  if (host !== undefined && host !== '0.0.0.0' && host !== '::') return []
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, family, address }) => {
      const linkLocal = address.startsWith('fe80:')
      return !internal && !linkLocal && (family === 'IPv4' || host !== '0.0.0.0')
    })
    .sort((a, b) => a.family.localeCompare(b.family))
  return addresses.slice(0, 4).map(({ address, family }) => {
    const name = family === 'IPv6' ? `[${address}]` : address
    return url.replace('//localhost', `//${name}`)
  })
}
