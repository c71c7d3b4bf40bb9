import type { Setting } from './setting.js'
import { flag, number, pathOrOff, text } from './setting-kinds.js'

/** Signalling protocols that WebRTC apps use. */
export const webrtc = {
  relayWs: {
    env: 'RELAY_WS',
    about: 'Where clients of relay-ws connect: a path, * for every other path, or off',
    fallback: '/relay-ws',
    kind: pathOrOff,
  },
  rtc: {
    env: 'RTC',
    about: 'The protocol of webrtc-blog at /rtc',
    fallback: 'on',
    kind: flag,
  },
  rtcVersion: {
    env: 'RTC_VERSION',
    about: 'Clients of /rtc reload where it changes; the same on all instances (time of the start)',
    example: '2026-11-21',
    kind: text,
  },
  call: {
    env: 'CALL',
    about: 'The protocol of webrtc-signal-sample at /call',
    fallback: 'on',
    kind: flag,
  },
  rooms: {
    env: 'ROOMS',
    about: 'The protocol of wrtc-signal, socket.io at /socket.io; needs APP_SECRET to be there',
    fallback: 'on',
    kind: flag,
  },
  tokenLifetime: {
    env: 'TOKEN_LIFETIME',
    about: 'How long a session token of wrtc-signal is good for, in seconds',
    fallback: '86400',
    kind: number,
  },
} satisfies Record<string, Setting>
