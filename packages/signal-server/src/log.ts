import debug from 'debug'

/** The namespaces of `DEBUG=signal:*`, which tell the story of a connection. */
export const log = {
  server: debug('signal:server'),
  upgrade: debug('signal:upgrade'),
  introduction: debug('signal:introduction'),
  connection: debug('signal:connection'),
  bus: debug('signal:bus'),
}
