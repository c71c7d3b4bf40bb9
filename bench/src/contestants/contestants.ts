import { existsSync } from 'node:fs'
import type { Target } from '../load/load-socket.js'

/** Where Debian's package puts it. */
export const haproxyPath = process.env.BENCH_HAPROXY ?? '/usr/sbin/haproxy'

/** What a contestant has to have for a run. */
export type Ability = 'pipe' | 'binary' | 'wait' | 'hold' | 'introductions' | 'tls'

export interface Contestant {
  /** As on the command line. */
  name: string
  /** The name of its file. @default its own */
  file?: string
  /** What its file is told beside what all are told. */
  args?: readonly string[]
  title: string
  wire: Target['wire']
  /** What it can do, as far as the benchmark asks for it. */
  abilities: readonly Ability[]
  /** Why it can't run here at all. */
  missing?: string
}

/** All contestants, in the order of the tables. */
export const contestants: readonly Contestant[] = [
  {
    name: 'ours',
    title: 'signal-server',
    wire: 'signal',
    abilities: ['pipe', 'binary', 'wait', 'hold', 'introductions', 'tls'],
  },
  {
    name: 'localfirst',
    title: '@localfirst/relay 4.2.2',
    wire: 'relay',
    abilities: ['pipe', 'binary', 'wait', 'hold', 'introductions', 'tls'],
  },
  {
    name: 'ws',
    title: 'ws, message by message',
    wire: 'pipe',
    abilities: ['pipe', 'binary', 'wait', 'tls'],
  },
  { name: 'peerjs', title: 'PeerJS server', wire: 'peerjs', abilities: ['pipe', 'tls'] },
  {
    name: 'splice',
    title: 'TCP splice in Node',
    wire: 'splice',
    abilities: ['pipe', 'binary', 'wait', 'tls'],
  },
  {
    name: 'haproxy',
    title: 'HAProxy, TCP mode',
    wire: 'forward',
    abilities: ['pipe', 'binary', 'tls'],
    ...(existsSync(haproxyPath) ? {} : { missing: 'not installed' }),
  },
]
