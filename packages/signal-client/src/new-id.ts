/**
 * A random UUID (RFC 9562 §5.4). Pages over plain HTTP, as in a local network, have no
 * `crypto.randomUUID`; and the `uuid` package is a fifteenth of what this one may weigh.
 *
 * @throws ReferenceError where the platform has no `crypto`
 */
export const newId = () =>
  'xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx'.replace(/x/g, () =>
    (crypto.getRandomValues(new Uint8Array(1))[0]! >> 4).toString(16),
  )
