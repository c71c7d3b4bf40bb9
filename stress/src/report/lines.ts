import { hasRedis } from '../server/redis.js'
import { hasFullDevice } from '../storms/the-log.js'
import type { Circumstances, Measured } from './measure.js'

/** One line of the report. */
export interface Line {
  /** The storm that is measured. */
  storm: string
  about: string
  figure: (measured: Measured) => number
  unit: 'ms' | 'MB' | 'faults'
  /** The figure must not be above. */
  most: number
  circumstances?: Partial<Circumstances>
}

const megabyte = 1e6
const wait = ({ wait }: Measured) => Math.round(wait)
const peak = ({ peak }: Measured) => Math.round(peak / megabyte)
const faults = (measured: Measured) => measured.faults.length

/** Newcomers that an endpoint did not serve; the one that is introduced and piped is the first. */
const refused = ({ welcomes }: Measured) =>
  Object.values(welcomes).filter((welcome) => welcome.refused !== undefined).length

// a message of 50 KB, and a bystander
const decoders = [
  ['msgpack-pattern', '50 KB of a pattern in MessagePack'],
  ['msgpack', '50 KB of other MessagePack, 160 times'],
  ['json-introduction', '50 KB of JSON on /introduction'],
  ['json-rtc', '50 KB of JSON on /rtc'],
  ['json-relay-ws', '50 KB of JSON on /relay-ws'],
  ['json-call', '50 KB of JSON on /call'],
  ['engine-packets', '50 KB of packets of socket.io'],
  ['polling-payloads', '50 KB of packets by long polling'],
] as const

const bursts = [
  ['bursts-identify', '40 of 990 clients repeat identify'],
  ['bursts-ls', '100 of 990 clients repeat ls'],
  ['bursts-register', '100 of 990 clients repeat register'],
  ['bursts-list', '100 of 990 clients repeat list'],
  ['bursts-auth-request', '200 clients repeat auth-request'],
] as const

const memory = [
  ['pipelined-gets', '40 connections with 1,700 GETs each', 220],
  ['empty-pings-in-pipes', '10 pairs with floods of pings', 180],
  ['empty-pings-in-introductions', '200 introductions that send pings', 150],
] as const

const hoards = [
  ['hoard-holds', '300 holds of 250 KB'],
  ['hoard-registrations', '520 sessions of 3,000 keys'],
  ['hoard-seats-rtc', '1,000 seats of /rtc'],
  ['hoard-seats-relay-ws', '1,000 seats of /relay-ws'],
  ['hoard-seats-call', '1,000 seats of /call'],
  ['hoard-sockets', '2,000 sockets, as many as there may be'],
] as const

const eightHoards = [
  ['eight-hoard-holds', '300 holds of 250 KB'],
  ['eight-hoard-registrations', '520 sessions of 3,000 keys'],
  ['eight-hoard-seats-call', '1,000 seats of /call'],
  ['eight-hoard-sockets', '2,000 sockets, as many as there may be'],
] as const

const rest = [
  ['hoard-streams', '120 streams of the status page'],
  ['deaf-streams', 'streams of the status page that nobody reads'],
  ['deaf-pollers', 'long polling without a poll'],
  ['foreign-sessions', 'sessions under the id of another'],
  ['foreign-rooms', 'a room as the receiver'],
  ['log-reader-gone', 'a log that nobody reads any more'],
  ...(hasFullDevice ? ([['log-disk-full', 'a log on a full disk']] as const) : []),
  ['public-links', 'links that lead out of PUBLIC'],
  ...(hasRedis ? ([['redis-without-publish', 'a Redis that lets nobody publish']] as const) : []),
  ['cookies-of-foreign-pages', 'a page of another origin with cookies'],
  ['app-forms', 'forms at /app that are none'],
  ['wrong-passwords', 'wrong passwords before the right one'],
  ['lost-names', 'names of clients that were lost'],
  ['two-tabs', 'two tabs with one id'],
] as const

/** All lines, in the order in which they are printed. */
export const lines: readonly Line[] = [
  ...decoders.map(([storm, about]) => waits(storm, about, 150)),
  ...bursts.map(([storm, about]) => waits(storm, about, 250)),
  ...memory.map(([storm, about, most]): Line => {
    return { storm, about, figure: peak, unit: 'MB', most }
  }),
  ...[true, false].flatMap((addresses) =>
    hoards.map(([storm, about]): Line => {
      const known = addresses ? 'a known address' : 'unknown addresses'
      const line = { storm, about: `${about}, ${known}`, figure: refused, most: 0 }
      return { ...line, unit: 'faults', circumstances: { addresses } }
    }),
  ),
  ...eightHoards.map(([storm, about]): Line => {
    return { storm, about: `${about}, eight addresses`, figure: refused, unit: 'faults', most: 0 }
  }),
  ...rest.map(([storm, about]): Line => {
    return { storm, about, figure: faults, unit: 'faults', most: 0 }
  }),
]

function waits(storm: string, about: string, most: number): Line {
  return { storm, about, figure: wait, unit: 'ms', most }
}
