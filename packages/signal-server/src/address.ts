import type { IncomingMessage } from 'node:http'
import { BlockList, isIP, isIPv4, isIPv6, SocketAddress } from 'node:net'
import proxyAddr from 'proxy-addr'

/** Which proxies are believed: all, none, so many, or those at these addresses. */
export type TrustProxy = boolean | number | string | readonly string[]

// Of each connection the network is looked up, for which a BlockList takes ten times as long.
// RFC 1918, RFC 3927 (169.254.0.0/16), RFC 6598 (100.64.0.0/10), and 127.0.0.0/8
const privateIPv4 =
  /^(10|127|192\.168|169\.254|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./

const loopback = new BlockList()
loopback.addAddress('::1', 'ipv6')

// RFC 4193 and RFC 4291
const privateNetworks = new BlockList()
privateNetworks.addSubnet('fc00::', 7, 'ipv6')
privateNetworks.addSubnet('fe80::', 10, 'ipv6')

/** Whether an address is of this machine itself. */
export function isLoopback(address: string): boolean {
  if (isIPv4(address)) return address.startsWith('127.')
  return isIPv6(address) && loopback.check(address, 'ipv6')
}

/** Whether an address is of a private network, where hosts have their proxies, or of this machine. */
export function isPrivate(address: string): boolean {
  if (isIPv4(address)) return privateIPv4.test(address)
  return isLoopback(address) || (isIPv6(address) && privateNetworks.check(address, 'ipv6'))
}

/**
 * Finds a client's own address behind the trusted proxies, as Express's `trust proxy` does.
 * An IPv4 address mapped into IPv6 is given as IPv4.
 */
export function addressFinder(trustProxy: TrustProxy): (request: IncomingMessage) => string {
  const trust = trustFunction(trustProxy)
  return (request) => {
    // of a socket that is gone nothing is counted, since its "close" is over
    if (request.socket.destroyed && !request.socket.remoteAddress) return ''
    const ofSocket = request.socket.remoteAddress
    const forwarded = request.headers['x-forwarded-for'] !== undefined
    const address = forwarded ? proxyAddr(request, trust) : ofSocket
    // a Unix socket has no address of its own
    if (!address) return ''
    // the zone of a link-local address (`fe80::1%eth0`) is this machine's own name for it
    return address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/s, '')
  }
}

/** Finds out whether the address at the other end of a connection is that of a trusted proxy. */
export function proxyTester(trustProxy: TrustProxy): (address: string) => boolean {
  const trust = trustFunction(trustProxy)
  return (address) => isIP(address) !== 0 && trust(address, 0)
}

/** What the limits count as one: an IPv4 address, or the 64-bit network of an IPv6 one. */
export function limitedAs(address: string): string {
  if (!isIPv6(address)) return address
  const { address: canonical } = new SocketAddress({ address, family: 'ipv6' })
  const mapped = /^::ffff:(\d.*\..*)$/i.exec(canonical)
  if (mapped) return mapped[1]!
  const [head = '', tail] = canonical.split('::')
  const front = head.split(':').filter(Boolean)
  const back = tail?.split(':').filter(Boolean) ?? []
  const zeros = tail === undefined ? 0 : 8 - front.length - back.length
  return [...front, ...Array<string>(zeros).fill('0'), ...back].slice(0, 4).join(':')
}

type Trust = (address: string, hop: number) => boolean

function trustFunction(trustProxy: TrustProxy): Trust {
  if (typeof trustProxy === 'boolean') return () => trustProxy
  if (typeof trustProxy === 'number') return (_address, hop) => hop < trustProxy
  const list = typeof trustProxy === 'string' ? trustProxy.split(',') : [...trustProxy]
  return proxyAddr.compile(list.map((entry) => entry.trim()))
}
