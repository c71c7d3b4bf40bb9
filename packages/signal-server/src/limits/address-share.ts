/** The part of each limit that one address may have, where the addresses of clients are known. */
const share = 1 / 8

/**
 * The part of every limit that one address gets. A server that lets one address have more of the
 * sockets lets it have as large a part of everything else, because its users share that address.
 */
export function addressShare(settings: {
  readonly maxSockets: number
  readonly maxSocketsPerAddress: number
}): number {
  const { maxSockets, maxSocketsPerAddress } = settings
  if (maxSocketsPerAddress === Infinity || maxSockets === Infinity) return share
  return Math.min(1, Math.max(share, maxSocketsPerAddress / maxSockets))
}
