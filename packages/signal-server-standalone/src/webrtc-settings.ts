import type { Setting } from './setting.js'
import { number, ownPath, text, webSocketPath } from './setting-kinds.js'

/** Signalling protocols that WebRTC apps use. */
export const webrtc = {
  relayWs: {
    env: 'RELAY_WS',
    about: 'Where clients of relay-ws connect: a path, * for every other path, or off',
    fallback: '/relay-ws',
    kind: webSocketPath('/relay-ws'),
  },
  rtc: {
    env: 'RTC',
    about: 'Where clients of webrtc-blog connect: a path, or off',
    fallback: '/rtc',
    kind: ownPath('/rtc'),
  },
  rtcVersion: {
    env: 'RTC_VERSION',
    about:
      'Clients of webrtc-blog reload if it changes; the same on all instances (time of the start)',
    example: '2026-11-21',
    kind: text,
  },
  call: {
    env: 'CALL',
    about: 'Where clients of webrtc-signal-sample connect: a path, or off',
    fallback: '/call',
    kind: ownPath('/call'),
  },
  rooms: {
    env: 'ROOMS',
    about: 'Where clients of wrtc-signal connect (socket.io): a path, or off; needs APP_SECRET',
    fallback: '/socket.io',
    kind: ownPath('/socket.io'),
  },
  tokenLifetime: {
    env: 'TOKEN_LIFETIME',
    about: 'How long a session token of wrtc-signal is good for, in seconds',
    fallback: '86400',
    kind: number,
  },
} satisfies Record<string, Setting>
