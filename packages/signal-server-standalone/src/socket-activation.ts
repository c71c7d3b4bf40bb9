import { SettingError } from './setting-kinds.js'

/** The first descriptor that systemd hands over (sd_listen_fds(3)). */
const firstDescriptor = 3

/**
 * What a server listens on instead of a port: the socket that systemd hands over to this process, or
 * the path that PORT names.
 * @throws SettingError if systemd hands over several sockets
 */
export function socketOf(
  port: number | string,
  { LISTEN_FDS, LISTEN_PID }: Readonly<Record<string, string | undefined>>,
): string | { fd: number } | undefined {
  // the variables may be meant for the process that started this one
  if (LISTEN_FDS !== undefined && LISTEN_PID === String(process.pid)) {
    if (LISTEN_FDS === '1') return { fd: firstDescriptor }
    throw new SettingError('LISTEN_FDS must be 1: name one ListenStream in the .socket unit.')
  }
  return typeof port === 'string' ? port : undefined
}
