import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { SignalServerOptions, Stats } from 'signal-server'
import { handshake } from 'signal-test-kit'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ClientOptions } from 'ws'
import { makeCertificate } from '../../signal-server-standalone/test/harness/certificate.js'
import { routeOf } from '../src/workers/route.js'
import { expectAgreement } from './harness/agreement.js'
import { Arrivals, eventually, within } from './harness/arrivals.js'
import { Client, type Fields } from './harness/client.js'
import { linkHello, linkSession, offering } from './harness/links.js'
import { RawSocket } from './harness/raw-socket.js'

const script = fileURLToPath(new URL('harness/worker.mjs', import.meta.url))

interface Line {
  port?: number
  pids?: number[]
  number?: number
  stats?: Stats
  messages?: number
}

/** Whether a process runs: one that has ended may stay in the table until the first process looks. */
function runs(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** Several built workers on one port; gone after the test. */
class Crew {
  readonly #lines = new Arrivals<Line>()

  private constructor(
    readonly child: ChildProcess,
    private readonly scheme: string,
  ) {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      this.#lines.push(JSON.parse(line) as Line)
    })
  }

  port = 0

  static async start(
    count: number,
    options: SignalServerOptions = { drainTimeout: 300, closeTimeout: 300 },
    tls?: { key: string; cert: string },
    stuckAfter?: number,
    stuckFirst?: string,
  ): Promise<Crew> {
    const argument = JSON.stringify({ count, options, tls, stuckAfter, stuckFirst })
    const stdio = ['ignore', 'pipe', 'inherit'] as const
    const child = spawn(process.execPath, [script, argument], { stdio: [...stdio] })
    onTestFinished(() => {
      child.kill('SIGKILL')
    })
    const crew = new Crew(child, tls ? 'wss' : 'ws')
    crew.port = (await crew.#lines.next('workers', 30_000)).port!
    return crew
  }

  /** A WebSocket; gone after the test. */
  async client(
    path: string,
    protocols: string[] = [],
    options: ClientOptions = {},
  ): Promise<Client> {
    const url = `${this.scheme}://127.0.0.1:${this.port}${path}`
    const client = await Client.open(url, protocols, options)
    onTestFinished(() => client.ws.terminate())
    return client
  }

  async pids(): Promise<number[]> {
    this.child.kill('SIGUSR1')
    return (await this.#lines.next('process ids')).pids!
  }

  /** What each worker has. */
  async stats(): Promise<Stats[]> {
    return (await this.#look()).map(({ stats }) => stats!)
  }

  /** How many messages of the primary all workers have got. */
  async messages(): Promise<number> {
    return (await this.#look()).reduce((sum, { messages }) => sum + messages!, 0)
  }

  async #look(): Promise<Line[]> {
    const pids = await this.pids()
    for (const pid of pids) process.kill(pid, 'SIGUSR2')
    const lines = await Promise.all(pids.map(() => this.#lines.next('the stats of a worker')))
    return lines.sort((a, b) => a.number! - b.number!)
  }

  async stop(): Promise<number | null> {
    const ended = once(this.child, 'exit')
    this.child.kill('SIGTERM')
    const [code] = (await within(ended, 'the end of all')) as [number | null]
    return code
  }
}

const sum = (all: Stats[], endpoint: string, name: string) =>
  all.reduce((total, { endpoints }) => total + endpoints[endpoint]![name]!, 0)

const met = (client: Client) =>
  new Set(
    client.seen
      .map(({ text }) => JSON.parse(text) as Fields)
      .filter(({ type }) => type === 'Introduction')
      .map(({ id }) => id),
  ).size

describe('three workers on one port', () => {
  test('introduce everyone to everyone, and bring the two of a pair to one worker', async () => {
    const crew = await Crew.start(3)
    const peers = await Promise.all(
      Array.from({ length: 9 }, async (_, n) => {
        const peer = await crew.client(`/introduction/peer-${n}`, ['signal.v1'])
        peer.send({ type: 'Join', join: ['k'] })
        return peer
      }),
    )
    await eventually(() => peers.every((peer) => met(peer) === 8), 'all introductions')
    await Promise.all(
      Array.from({ length: 30 }, async (_, n) => {
        // of two ways to write an id both lead to the same worker
        const a = await crew.client(`/connection/a%2F${n}/b%20${n}/k`)
        const b = await crew.client(`/connection/b%20${n}/%61%2f${n}/k`)
        a.send(`for ${n}`)
        expect((await b.messages.next()).text).toBe(`for ${n}`)
      }),
    )
    const stats = await crew.stats()
    expect(sum(stats, 'connection', 'pipes')).toBe(30)
    expect(sum(stats, 'connection', 'remotePipes')).toBe(0)
    expect(stats.every(({ endpoints }) => endpoints['connection']!['pipes']! > 0)).toBe(true)
    expect(stats.map(({ endpoints }) => endpoints['introduction']!['sessions'])).toEqual([3, 3, 3])
    expect(await crew.stop()).toBe(0)
  })

  test('show the links of sessions, and give the two of a pair the hello of each other', async () => {
    const crew = await Crew.start(3)
    const links = Array.from({ length: 6 }, linkSession)
    const peers = await Promise.all(
      links.map(async (link, n) => {
        const peer = await crew.client(`/introduction/peer-${n}`, offering(link))
        peer.send({ type: 'Join', join: ['k'] })
        return peer
      }),
    )
    await eventually(() => peers.every((peer) => met(peer) === 5), 'all introductions')
    for (const [n, { seen }] of peers.entries()) {
      const introductions = seen
        .map(({ text }) => JSON.parse(text) as Fields)
        .filter(({ type }) => type === 'Introduction')
      const shown = new Set(introductions.map(({ link }) => link))
      expect(shown).toEqual(new Set(links.filter((_, other) => other !== n)))
    }
    for (let n = 0; n < 6; n++) {
      const [mine, theirs] = [linkHello(), linkHello()]
      const a = await crew.client(`/connection/a/b/${n}`, offering(mine))
      const b = await crew.client(`/connection/b/a/${n}`, offering(theirs))
      expect(await a.json()).toEqual({ type: 'Paired', link: theirs })
      expect(await b.json()).toEqual({ type: 'Paired', link: mine })
    }
  })

  test('replace one that dies; the others never notice', async () => {
    const crew = await Crew.start(3)
    const peers = await Promise.all(
      Array.from({ length: 6 }, async (_, n) => {
        const peer = await crew.client(`/introduction/peer-${n}`, ['signal.v1'])
        peer.send({ type: 'Join', join: ['k'] })
        return peer
      }),
    )
    await eventually(() => peers.every((peer) => met(peer) === 5), 'all introductions')
    const before = await crew.pids()
    process.kill(before[1]!, 'SIGKILL')
    await eventually(() => peers.some(({ ws }) => ws.readyState === ws.CLOSED), 'its end')
    await eventually(async () => (await crew.pids())[1] !== before[1], 'another one')
    expect(peers.filter(({ ws }) => ws.readyState === ws.OPEN).length).toBe(4)
    for (let n = 0; n < 12; n++) {
      const a = await crew.client(`/connection/a${n}/b${n}/k`)
      const b = await crew.client(`/connection/b${n}/a${n}/k`)
      a.send('x')
      await b.messages.next()
    }
    expect((await crew.pids()).filter((pid) => before.includes(pid)).length).toBe(2)
    expect(await crew.stop()).toBe(0)
  })

  test('are told to end when the process that started them is gone', async () => {
    const crew = await Crew.start(2)
    const pids = await crew.pids()
    const peer = await crew.client('/introduction/alice', ['signal.v1'])
    await peer.next('Welcome')
    crew.child.kill('SIGKILL')
    // drained, as their script does when it is told
    expect((await peer.closed).code).toBe(1012)
    await eventually(() => !pids.some(runs), 'their ends')
  })

  test('replace one that gets stuck before it can serve', { timeout: 60_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'stuck-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const crew = await Crew.start(2, undefined, undefined, 6_000, join(folder, 'was'))
    const peers = await Promise.all(
      [0, 1].map((n) => crew.client(`/introduction/peer-${n}`, ['signal.v1'])),
    )
    for (const peer of peers) peer.send({ type: 'Join', join: ['k'] })
    await eventually(() => peers.every((peer) => met(peer) === 1), 'introductions')
    expect(await crew.stop()).toBe(0)
  })

  test(
    'replace those that are stuck, and tell their peers; the other one never notices',
    { timeout: 40_000 },
    async ({ annotate }) => {
      const crew = await Crew.start(3, undefined, undefined, 6_000)
      const peers: Client[] = []
      // dealt out in turn
      for (let n = 0; n < 6; n++) {
        const peer = await crew.client(`/introduction/peer-${n}`, ['signal.v1'])
        peer.send({ type: 'Join', join: ['k'] })
        peers.push(peer)
      }
      await eventually(() => peers.every((peer) => met(peer) === 5), 'all introductions')
      const before = await crew.pids()
      const stuckAt = performance.now()
      process.kill(before[0]!, 'SIGSTOP')
      process.kill(before[1]!, 'SIGHUP')
      const ends = peers.map(async ({ closed }) => {
        await closed
        return performance.now() - stuckAt
      })
      const stuck = peers.flatMap((_, n) => (n % 3 === 2 ? [] : ends[n]!))
      const times = await within(Promise.all(stuck), 'the end of those that are stuck', 20_000)
      await annotate(`replaced ${(Math.max(...times) / 1_000).toFixed(1)} s after they got stuck`)
      // it was heard up to 2 s before, and is looked at up to 2 s after the time is up
      expect(Math.min(...times)).toBeGreaterThan(3_500)
      const left = peers.filter((_, n) => n % 3 === 2)
      const gone = (peer: Client) => peer.seen.filter(({ text }) => text.includes('Departure'))
      await eventually(() => left.every((peer) => gone(peer).length === 4), 'Departures', 15_000)
      await eventually(async () => {
        const now = await crew.pids()
        return now[0] !== before[0] && now[1] !== before[1]
      }, 'two others')
      expect((await crew.pids())[2]).toBe(before[2])
      const fresh = await Promise.all(
        Array.from({ length: 12 }, async (_, n) => {
          const a = await crew.client(`/connection/a${n}/b${n}/k`)
          const b = await crew.client(`/connection/b${n}/a${n}/k`)
          a.send('x')
          expect((await b.messages.next()).text).toBe('x')
          const peer = await crew.client(`/introduction/fresh-${n}`, ['signal.v1'])
          peer.send({ type: 'Join', join: ['k'] })
          return peer
        }),
      )
      await eventually(() => fresh.every((peer) => met(peer) === 13), 'new introductions')
      for (const { ws } of left) expect(ws.readyState).toBe(ws.OPEN)
      expect(await crew.stop()).toBe(0)
    },
  )

  test('read a request that comes in pieces, and give up one that does not come', async () => {
    const crew = await Crew.start(2)
    const inPieces = async (n: number) => {
      const raw = await RawSocket.open(crew.port)
      onTestFinished(() => void raw.socket.destroy())
      for (const byte of Buffer.from(handshake(`/connection/a${n}/b/k`))) {
        raw.write(Buffer.from([byte]))
        await new Promise((resolve) => setImmediate(resolve))
      }
      return (await raw.response()).status
    }
    const statuses = await Promise.all(Array.from({ length: 40 }, (_, n) => inPieces(n)))
    expect(new Set(statuses)).toEqual(new Set([101]))
    const slow = await RawSocket.open(crew.port)
    onTestFinished(() => void slow.socket.destroy())
    slow.write('GET /connection/a')
    expect((await slow.response()).status).toBe(408)
  })

  test('row 51: let a newcomer in while thousands hold connections without a request', async () => {
    const crew = await Crew.start(2)
    const idle: RawSocket[] = []
    // the backlog of a listening socket has 511 places
    while (idle.length < 2_400) {
      const some = Array.from({ length: 400 }, () => RawSocket.open(crew.port))
      idle.push(...(await Promise.all(some)))
    }
    onTestFinished(() => idle.forEach(({ socket }) => socket.destroy()))
    // those that wait for too long get an answer
    const shed = () =>
      idle.filter(({ socket }) => (socket.destroyed || socket.readableEnded) && !socket.bytesRead)
    await eventually(() => shed().length >= 352, 'the end of those for whom there is no room')
    const newcomer = async () => {
      const raw = await RawSocket.open(crew.port)
      onTestFinished(() => void raw.socket.destroy())
      raw.write(handshake('/connection/a/b/k'))
      await Promise.race([raw.ended, eventually(() => raw.socket.bytesRead > 0, 'an answer')])
      return raw.socket.bytesRead > 0 && (await raw.response()).status
    }
    await eventually(async () => (await newcomer()) === 101, 'the place of another one')
  })

  test('speak TLS: what the primary cannot read it deals out, and the workers join it', async () => {
    const { key, cert, ca } = makeCertificate()
    const crew = await Crew.start(2, undefined, { key, cert })
    for (let n = 0; n < 8; n++) {
      const a = await crew.client(`/connection/a${n}/b${n}/k`, [], { ca })
      if (n % 2 === 0) await (await crew.client('/introduction/between', [], { ca })).close()
      const b = await crew.client(`/connection/b${n}/a${n}/k`, [], { ca })
      a.send(Buffer.alloc(300_000, n))
      expect((await b.messages.next()).bytes.equals(Buffer.alloc(300_000, n))).toBe(true)
    }
    expect(sum(await crew.stats(), 'connection', 'remotePipes')).toBeGreaterThan(0)
    expect(await crew.stop()).toBe(0)
  })
})

describe('keys that a client joins and leaves on two workers', () => {
  const namesOf = (name: string, count: number) =>
    Array.from({ length: count }, (_, n) => `${name}-${n}`)

  test('travel together: those of a Join of 500 in few messages', async () => {
    const crew = await Crew.start(2)
    const watcher = await crew.client('/introduction/watcher', ['signal.v1'])
    const peer = await crew.client('/introduction/peer', ['signal.v1'])
    const messagesOf = async (keys: string[]) => {
      watcher.send({ type: 'Join', join: keys })
      await watcher.settled()
      const before = await crew.messages()
      peer.send({ type: 'Join', join: keys })
      const introduced = (client: Client) =>
        client.seen.some(({ text }) => text.includes(`"${keys[0]}"`))
      await eventually(() => introduced(peer) && introduced(watcher), 'introductions')
      peer.send({ type: 'Leave', leave: keys })
      const gone = () =>
        watcher.seen.some(({ text }) => text.includes('Departure') && text.includes(`"${keys[0]}"`))
      await eventually(gone, 'the Departure')
      return (await crew.messages()) - before
    }
    const forOne = await messagesOf(namesOf('one', 1))
    const forMany = await messagesOf(namesOf('many', 500))
    expect(forMany).toBeLessThan(forOne * 25)
  })

  test(
    'let a newcomer of another address in, however much waits',
    { timeout: 60_000 },
    async ({ annotate }) => {
      const sessions = 60
      const times = 6
      const crew = await Crew.start(2, { trustProxy: 'loopback' })
      const open = (path: string, address: string) =>
        crew.client(path, ['signal.v1'], { headers: { 'X-Forwarded-For': address } })
      const joined = async () =>
        (await crew.stats()).reduce((sum, { outcomes }) => sum + outcomes.joined, 0)
      // dealt out in turn: one is on each worker
      for (const n of [0, 1]) {
        const watcher = await open(`/introduction/watcher-${n}`, '198.51.100.1')
        watcher.send({ type: 'Join', join: ['k'] })
        await watcher.settled()
      }
      const flood = await Promise.all(
        Array.from({ length: sessions }, (_, n) => open(`/introduction/${n}`, '203.0.113.1')),
      )
      const before = await joined()
      for (const [n, client] of flood.entries()) {
        for (let time = 0; time < times; time++) {
          const keys = namesOf(`${n}-${time}`, 500)
          client.send({ type: 'Join', join: keys })
          client.send({ type: 'Leave', leave: keys })
        }
      }
      await eventually(async () => (await joined()) - before >= sessions / 4, 'many Joins')
      const counts: number[] = []
      for (let n = 0; n < 4; n++) {
        const start = await joined()
        const newcomer = await open(`/introduction/newcomer-${n}`, '198.51.100.2')
        newcomer.send({ type: 'Join', join: ['k'] })
        await eventually(() => met(newcomer) === 2 + n, 'introductions', 30_000)
        counts.push((await joined()) - start)
      }
      await annotate(`Joins of others meanwhile: ${counts.join(', ')}`)
      // else nothing waited
      expect((await joined()) - before).toBeLessThan(sessions * times)
      // not even one of each session
      expect(Math.max(...counts)).toBeLessThan(sessions)
    },
  )
})

describe('where a connection belongs', () => {
  const route = (target: string, mount = '') =>
    routeOf(Buffer.from(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`), mount)

  test('is the same for both of a pair, below a mount and behind a token too', () => {
    const one = route('/connection/a/b/k')
    expect(one).toEqual(expect.any(Number))
    for (const target of [
      '/connection/b/a/k',
      '/t/token/connection/b/a/k',
      '/connection/b/a/k?x=1',
    ]) {
      expect(route(target)).toBe(one)
    }
    expect(route('/signal/connection/b/a/k', '/signal')).toBe(one)
    expect(route('/connection/a/b/other')).not.toBe(one)
  })

  test('is anywhere for introductions, and not known before the line is complete', () => {
    expect(route('/introduction/a')).toBe('any')
    expect(routeOf(Buffer.from('GET /connection/a'), '')).toBe('unknown')
  })

  test('is somewhere, whatever the request is', () => {
    for (const target of ['', '/', '*', '/connection/%ff/b/k', '/connection//b', 'http://h/x']) {
      expect(['any', 'unknown', expect.any(Number)]).toContainEqual(route(target))
    }
  })
})

test(
  'of two sessions of one id that come at once all watchers know the same: 400 rounds on 3 workers',
  { timeout: 120_000 },
  async () => {
    const crew = await Crew.start(3)
    const open = (id: string) => crew.client(`/introduction/${id}`, ['signal.v1'])
    const watchers = await Promise.all(
      Array.from({ length: 6 }, async (_, n) => {
        const watcher = await open(`watcher-${n}`)
        watcher.send({ type: 'Join', join: ['k'] })
        await watcher.settled()
        return watcher
      }),
    )
    await expectAgreement(watchers, 'k', (_which, id) => open(id), 400)
  },
)
