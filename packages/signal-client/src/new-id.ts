/**
 * A random UUID (RFC 9562 §5.4). Pages over plain HTTP, as in a local network, have no
 * `crypto.randomUUID`; and the `uuid` package is a fifteenth of what this one may weigh.
 */
export const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte, at) => {
    const fixed = at === 6 ? (byte & 15) | 64 : at === 8 ? (byte & 63) | 128 : byte
    const dash = at > 3 && at < 11 && at % 2 === 0 ? '-' : ''
    return dash + fixed.toString(16).padStart(2, '0')
  }).join('')
