import type { IncomingMessage } from 'node:http'
import { BlockList, isIP, isIPv6, SocketAddress } from 'node:net'
import proxyAddr from 'proxy-addr'

/** Which proxies are believed: all, none, so many, or those at these addresses. */
export type TrustProxy = boolean | number | string | readonly string[]

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

// RFC 1918, RFC 6598, RFC 3927, RFC 4193 and RFC 4291: where hosts have their proxies
const privateNetworks = new BlockList()
privateNetworks.addSubnet('10.0.0.0', 8, 'ipv4')
privateNetworks.addSubnet('172.16.0.0', 12, 'ipv4')
privateNetworks.addSubnet('192.168.0.0', 16, 'ipv4')
privateNetworks.addSubnet('100.64.0.0', 10, 'ipv4')
privateNetworks.addSubnet('169.254.0.0', 16, 'ipv4')
privateNetworks.addSubnet('fc00::', 7, 'ipv6')
privateNetworks.addSubnet('fe80::', 10, 'ipv6')

/** Whether an address is of this machine itself. */
export const isLoopback = (address: string): boolean => isIn(loopback, address)

/** Whether an address is of a private network, or of this machine. */
export const isPrivate = (address: string): boolean =>
  isLoopback(address) || isIn(privateNetworks, address)

const isIn = (list: BlockList, address: string): boolean =>
  isIP(address) !== 0 && list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')

/**
 * Finds a client's own address behind the trusted proxies, as Express's `trust proxy` does.
 * An IPv4 address mapped into IPv6 is given as IPv4.
 */
export function addressFinder(trustProxy: TrustProxy): (request: IncomingMessage) => string {
  const trust = trustFunction(trustProxy)
  return (request) => {
    // of a socket that is gone nothing is counted, since its "close" is over
    if (request.socket.destroyed && !request.socket.remoteAddress) return ''
    // a Unix socket has no address of its own
    const address = proxyAddr(request, trust) as string | undefined
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
