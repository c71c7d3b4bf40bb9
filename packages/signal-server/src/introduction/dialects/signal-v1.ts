import {
  SUBPROTOCOL,
  type IceServer,
  type Json,
  type ServerMessage,
  type Welcome,
} from 'signal-server-protocol'
import type { Dialect, Notice, Request } from './dialect.js'
import { BadMessage } from './dialect.js'
import { jsonFields, keyList, keysAsJson } from './json.js'

type Introduction = Extract<Notice, { type: 'introduction' }>

/**
 * The project's own dialect: the subprotocol `signal.v1` (docs/PROTOCOL.md).
 *
 * @param server - name and version for the Welcome
 * @param iceServers - asked for each Welcome, for credentials expire
 */
export function signalV1(
  server: Welcome['server'],
  iceServers: () => readonly IceServer[],
): Dialect {
  return {
    name: SUBPROTOCOL,
    binary: false,
    decode,
    encode: (notice) =>
      Buffer.from(
        notice.type === 'introduction' ? introduction(notice) : JSON.stringify(message(notice)),
      ),
  }

  function message(notice: Exclude<Notice, Introduction>): ServerMessage {
    switch (notice.type) {
      case 'welcome': {
        const ice = [...iceServers()]
        return { type: 'Welcome', id: notice.id, server, ...(ice.length && { iceServers: ice }) }
      }
      case 'update':
        return { ...notice, type: 'Update', keys: notice.keys as string[] }
      case 'departure':
        return { ...notice, type: 'Departure', keys: notice.keys as string[] }
      case 'replaced':
        return { type: 'Replaced', keys: notice.keys as string[] }
      case 'signal':
        return { ...notice, type: 'Signal' }
      case 'pong':
        return { type: 'Pong' }
      case 'error':
        return { ...notice, type: 'Error' }
    }
  }
}

function introduction({ id, keys, info, link, again }: Introduction): string {
  const shown = info === undefined ? '' : `,"info":${JSON.stringify(info)}`
  const session = link === undefined ? '' : `,"link":${JSON.stringify(link)}`
  const anew = again ? ',"again":true' : ''
  const about = `"id":${JSON.stringify(id)},"keys":${keysAsJson(keys)}`
  return `{"type":"Introduction",${about}${shown}${session}${anew}}`
}

function decode(data: Buffer): Request[] {
  const fields = jsonFields(data)
  switch (fields.type) {
    case 'Join':
      return [{ type: 'join', keys: keyList(fields.join, 'join') }]
    case 'Leave':
      return [{ type: 'leave', keys: keyList(fields.leave, 'leave') }]
    case 'Announce':
      if (fields.info === undefined) throw new BadMessage('An Announce must have "info".')
      return [{ type: 'announce', info: fields.info as Json }]
    case 'Signal': {
      const { to, signal } = fields
      if (typeof to !== 'string') throw new BadMessage('"to" must be a string.')
      if (signal === undefined) throw new BadMessage('A Signal must have "signal".')
      return [{ type: 'signal', to, signal: signal as Json }]
    }
    case 'Ping':
      return [{ type: 'ping' }]
    default:
      // a newer client may know types that this server does not
      if (typeof fields.type === 'string') return [{ type: 'nothing' }]
      throw new BadMessage('"type" must be a string.')
  }
}
