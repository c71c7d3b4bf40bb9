import { limits } from './limits.js'
import { levels } from './log-line.js'
import type { Setting } from './setting.js'
import {
  flag,
  folder,
  list,
  oneOf,
  path,
  portOrSocket,
  processes,
  redisUrl,
  secret,
  text,
  trust,
  urls,
} from './setting-kinds.js'
import { webrtc } from './webrtc-settings.js'

/** Where a server listens, and who may come. */
export const listening = {
  port: {
    env: 'PORT',
    flag: 'port',
    value: 'NUMBER',
    about: 'port, or a path; 0: a free port',
    fallback: '8080',
    kind: portOrSocket,
  },
  host: {
    env: 'HOST',
    flag: 'host',
    value: 'ADDRESS',
    about: 'address to listen on (all)',
    example: '127.0.0.1',
    kind: text,
  },
  path: {
    env: 'BASE_PATH',
    flag: 'path',
    value: 'PATH',
    about: 'below which everything is',
    fallback: '/',
    kind: path,
  },
  key: {
    env: 'KEY',
    flag: 'key',
    value: 'FILE',
    about: 'TLS key (PEM); with --cert: https and wss',
    example: '/etc/ssl/private/key.pem',
    kind: text,
  },
  cert: {
    env: 'CERT',
    flag: 'cert',
    value: 'FILE',
    about: 'TLS certificate (PEM), with its chain',
    example: '/etc/ssl/certs/cert.pem',
    kind: text,
  },
  origins: {
    env: 'ORIGINS',
    flag: 'origin',
    value: 'ORIGIN',
    about: 'web origin that may come in (all)',
    example: 'https://app.example,https://other.example',
    kind: list,
  },
  workers: {
    env: 'WEB_CONCURRENCY',
    flag: 'workers',
    value: 'NUMBER',
    about: 'processes on the port; auto: one a core',
    fallback: '1',
    kind: processes,
  },
  trustProxy: {
    env: 'TRUST_PROXY',
    about: 'Proxies in front whose X-Forwarded-For is believed: their number, or addresses (false)',
    fallback: 'false',
    example: '1',
    kind: trust,
  },
} satisfies Record<string, Setting>

/** Tokens. */
export const tokens = {
  secret: {
    env: 'APP_SECRET',
    about: 'Signs the tokens, and makes them needed: at least 32 bytes ("openssl rand -hex 32")',
    example: '<openssl rand -hex 32>',
    kind: secret,
  },
  password: {
    env: 'APP_PASS',
    about: 'Password for POST /app, which gives out tokens; without it there is no such route',
    example: '<a long password>',
    kind: text,
  },
  apps: {
    env: 'APPS',
    about: 'Apps whose tokens may come in (all)',
    example: 'chat,notes',
    kind: list,
  },
  revoked: {
    env: 'REVOKED_TOKENS',
    about: 'Ids of tokens that were taken back (DELETE /app answers with the id)',
    example: '7d1b0ad4-2c5e-4c0e-9d0c-4f3a1f0f7f3e',
    kind: list,
  },
} satisfies Record<string, Setting>

/** Other instances. */
export const instances = {
  redisUrl: {
    env: 'REDIS_URL',
    about: 'Redis or Valkey that joins several instances into one server',
    example: 'redis://127.0.0.1:6379',
    kind: redisUrl,
  },
} satisfies Record<string, Setting>

/** STUN and TURN servers. */
export const ice = {
  stunUrls: {
    env: 'STUN_URLS',
    about: 'STUN servers that clients are told of',
    example: 'stun:turn.example.com:3478',
    kind: urls('stun'),
  },
  turnUrls: {
    env: 'TURN_URLS',
    about: 'TURN servers that clients are told of, with credentials that expire',
    example: 'turn:turn.example.com:3478?transport=udp',
    kind: urls('turn'),
  },
  turnSecret: {
    env: 'TURN_SECRET',
    about: "The TURN servers' static-auth-secret (coturn: use-auth-secret)",
    example: '<the same secret as in turnserver.conf>',
    kind: text,
  },
} satisfies Record<string, Setting>

/** What can be seen of a server. */
export const watching = {
  logFormat: {
    env: 'LOG_FORMAT',
    about: 'How each line of the log is written: text or json',
    fallback: 'text',
    kind: oneOf('text', 'json'),
  },
  logLevel: {
    env: 'LOG_LEVEL',
    about: 'The least urgent lines that are written: info, warning or error',
    fallback: 'info',
    kind: oneOf(...levels),
  },
  statusPage: {
    env: 'STATUS_PAGE',
    about: 'The live page at /: numbers only, no ids and no keys; off shows only the fish',
    fallback: 'on',
    kind: flag,
  },
  files: {
    env: 'PUBLIC',
    about:
      'Folder whose files are served at /, such as the page of an app; index.html replaces the live page',
    example: '<a folder>',
    kind: folder,
  },
  demo: {
    env: 'DEMO',
    about: 'A page for video calls at /demo, which anybody may open',
    fallback: 'off',
    kind: flag,
  },
  metrics: {
    env: 'METRICS',
    about: 'Metrics for Prometheus at /metrics',
    fallback: 'on',
    kind: flag,
  },
} satisfies Record<string, Setting>

/** All settings, by what they are about. */
export const groups: Record<string, Record<string, Setting>> = {
  'Where it listens': listening,
  'Who may come in': tokens,
  'Other instances': instances,
  'STUN and TURN': ice,
  'WebRTC signalling protocols': webrtc,
  'What can be seen of it': watching,
  'Limits (a number above 0, or none)': limits,
}
