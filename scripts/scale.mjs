// How many messages instances tell each other, and what that asks of Redis: the figures of
// docs/SCALE.md. `node scripts/scale.mjs` prints the tables, `--write` puts them into the document.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './yarn.mjs'

/**
 * What one event costs the bus: messages that are published, and copies of them that are delivered.
 * `packages/signal-server/test/scale.test.ts` counts them.
 *
 * @typedef {{ published: number, delivered: number }} Cost
 */

/** @param {number} others - instances, beside its own, that have peers with the key */
export const joining = (others) => ({ published: 1 + others, delivered: 1 + 2 * others })

/** @param {number} others - as above */
export const leaving = (others) => ({ published: 1, delivered: 1 + others })

/**
 * A Join of several keys, beside its keys: each side asks the other whether there is more to come.
 * @param {number} others - instances that hear of several of its keys, or of one that is not the last
 */
export const gathering = (others) => ({ published: 4 * others, delivered: 4 * others })

/** The same of a peer that leaves several keys: only who hears of it asks. */
export const dispersing = (others) => ({ published: 2 * others, delivered: 2 * others })

/** A session announces something. */
export const announcing = (others) => ({ published: others, delivered: others })

/** Two connections that meet on one instance, or on two. */
export const localPairing = { published: 2, delivered: 2 }
export const remotePairing = { published: 6, delivered: 7 }

/** A chunk of bytes through a pipe between instances, and its acknowledgement. */
export const carrying = { published: 2, delivered: 2 }

/**
 * Pipes between instances in which nothing is said, each second: both sides of each ask every 3 s,
 * and what one instance asks another of 500 pipes goes in one message.
 *
 * @param {number} pipes
 * @param {number} instances
 */
export function idling(pipes, instances) {
  const asked = (2 * pipes) / 3
  const least = (instances * (instances - 1)) / 3
  const messages = Math.max(Math.min(asked, least), asked / 500)
  return { published: messages, delivered: messages }
}

/** Signs of life of so many instances, each second. */
export const living = (instances) => ({ published: instances / 2, delivered: instances ** 2 / 2 })

/**
 * How many other instances one meets on a key, where peers are anywhere.
 *
 * @param {number} peers - of the key
 * @param {number} instances
 */
export const othersMet = (peers, instances) =>
  (instances - 1) * (1 - (1 - 1 / instances) ** (peers - 1))

/** Redis 7.0: microseconds of its one core (docs/SCALE.md says how they were measured). */
const publishing = 8
const delivering = 0.75
/** Of each pipe that is asked about, some 50 bytes. */
const asking = 0.013
/** What one core is planned for. */
const load = 0.5

/** How people use it. */
const habits = {
  keys: 5,
  /** Online peers of a key, who are all connected with each other. */
  peersOfKey: 4,
  /** Seconds. */
  session: 1_800,
  /** Through each pipe, both ways together, each second. */
  chunks: 0.2,
  socketsOfInstance: 50_000,
}

const sum = (...costs) => ({
  published: costs.reduce((total, { published }) => total + published, 0),
  delivered: costs.reduce((total, { delivered }) => total + delivered, 0),
})
const times = (factor, { published, delivered }) => ({
  published: factor * published,
  delivered: factor * delivered,
})

const coresFor = ({ published, delivered }, pipes) =>
  (published * publishing + delivered * delivering + ((2 * pipes) / 3) * asking) / 1e6 / load

/**
 * A server with so many peers online, each second.
 *
 * @param {number} peers
 * @param {boolean} together - whether both sides of each pair are led to one instance
 */
function serverOf(peers, together) {
  const { keys, peersOfKey, session, chunks, socketsOfInstance } = habits
  const pipesOfPeer = (keys * (peersOfKey - 1)) / 2
  const instances = Math.ceil((peers * (1 + 2 * pipesOfPeer)) / socketsOfInstance)
  const joins = (peers * keys) / session
  const pairs = joins * (peersOfKey - 1)
  const others = othersMet(peersOfKey, instances)
  const remoteShare = together ? 0 : 1 - 1 / instances
  // at most: as if no instance heard of two keys of one Join
  const asked = sum(gathering(others), dispersing(others))
  const introductions = times(joins, sum(joining(others), leaving(others), asked))
  const pairing = sum(
    times(pairs * remoteShare, remotePairing),
    times(pairs * (1 - remoteShare), localPairing),
  )
  const pipes = peers * pipesOfPeer * remoteShare
  const carried = sum(idling(pipes, instances), times(pipes * chunks, carrying))
  const life = living(instances)
  const all = sum(introductions, pairing, carried, life)
  return { instances, joins, introductions, pairing, carried, life, cores: coresFor(all, pipes) }
}

/** The most peers that one core of Redis carries. */
function mostPeers(together) {
  let [low, high] = [1, 1e9]
  while (high - low > low / 1_000) {
    const middle = Math.sqrt(low * high)
    if (serverOf(middle, together).cores <= 1) low = middle
    else high = middle
  }
  return low
}

/** Two figures that count, in words that are short. */
function short(number) {
  if (number > 0 && number < 0.1) return '< 0.1'
  const rounded = Number(number.toPrecision(2))
  const [unit, name] = [
    [1e9, ' G'],
    [1e6, ' M'],
    [1e3, ' k'],
    [1, ''],
  ].find(([one]) => rounded >= one) ?? [1, '']
  return `${Number((rounded / unit).toPrecision(2))}${name}`
}

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

const places = { anywhere: false, 'on one instance': true }
const sizes = { '10 thousand': 1e4, '1 million': 1e6, '100 million': 1e8 }

export const tables = {
  habits: () =>
    table(
      ['assumed', ''],
      [
        ['keys of a peer', habits.keys],
        ['peers of a key that are online, all connected with each other', habits.peersOfKey],
        ['length of a session', `${habits.session / 60} minutes`],
        ['chunks of bytes through a pipe', `one in ${1 / habits.chunks} s`],
        ['sockets of one instance', short(habits.socketsOfInstance)],
      ],
    ),
  events: () => {
    const row = (name, { published, delivered }) => [name, published, delivered]
    return table(
      ['event', 'published', 'delivered'],
      [
        ['a key is joined; A other instances have peers with it', '1 + A', '1 + 2 A'],
        ['a key is left', '1', '1 + A'],
        ['a Join of several keys asks for more, beside that; A others hear of it', '4 A', '4 A'],
        ['so does a peer that leaves several keys at once', '2 A', '2 A'],
        ['a session announces something; A others have peers with its keys', 'A', 'A'],
        row('two connections are paired on one instance', localPairing),
        row('two connections are paired on two instances', remotePairing),
        row('a chunk of bytes (64 KiB at most) crosses, and is acknowledged', carrying),
        [
          'P pipes between instances in which nothing is said, per second: at least',
          'P / 750',
          'P / 750',
        ],
        ['and at most, with M instances', '2 P / 3 or M² / 3', 'the same'],
        ['M instances are alive, per second', 'M / 2', 'M² / 2'],
      ],
    )
  },
  joins: () =>
    table(
      ['peers a key', ...[2, 8, 32].map((instances) => `${instances} instances`)],
      [2, 4, 16, 1_000].map((peers) => [
        peers,
        ...[2, 8, 32].map((instances) => {
          const { published, delivered } = joining(othersMet(peers, instances))
          return `${published.toFixed(1)} · ${delivered.toFixed(1)}`
        }),
      ]),
    ),
  sizes: () =>
    table(
      [
        'peers',
        'pairs',
        'instances',
        'introductions',
        'pairing',
        'bytes',
        'life',
        'cores of Redis',
      ],
      Object.entries(sizes).flatMap(([size, peers]) =>
        Object.entries(places).map(([place, together]) => {
          const { instances, introductions, pairing, carried, life, cores } = serverOf(
            peers,
            together,
          )
          const both = ({ published, delivered }) => `${short(published)} · ${short(delivered)}`
          return [
            size,
            place,
            instances.toLocaleString('en'),
            ...[introductions, pairing, carried, life].map(both),
            short(cores),
          ]
        }),
      ),
    ),
  most: () =>
    table(
      ['pairs', 'peers', 'instances'],
      Object.entries(places).map(([place, together]) => {
        const peers = mostPeers(together)
        return [place, short(peers), serverOf(peers, together).instances.toLocaleString('en')]
      }),
    ),
}

/** The document with its tables as they are computed now. */
export async function render(document) {
  const { format, resolveConfig } = await import('prettier')
  const filled = document.replace(
    /(<!-- table: (\w+) -->\n)[^]*?(?=<!-- end -->)/g,
    (_whole, start, name) => `${start}\n${tables[name]()}\n\n`,
  )
  const file = join(root, 'docs', 'SCALE.md')
  return format(filled, { ...(await resolveConfig(file)), parser: 'markdown' })
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const file = join(root, 'docs', 'SCALE.md')
  if (process.argv.includes('--write')) {
    writeFileSync(file, await render(readFileSync(file, 'utf8')))
  } else {
    for (const [name, make] of Object.entries(tables)) console.log(`${name}\n\n${make()}\n`)
  }
}
