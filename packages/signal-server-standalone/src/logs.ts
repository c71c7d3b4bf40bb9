import { createHmac, randomBytes } from 'node:crypto'
import type { RequestHandler } from 'express'
import type { Bus, SignalServer, Stats } from 'signal-server'
import { standardOutputs } from './line-output.js'
import { levelOf, levels, logLine, type Fields, type Level } from './log-line.js'

// a flood must not fill the disk
const linesPerSecond = 200
// how long a Redis may take to answer after the start, before it is said that it does not
const redisPatience = 3_000

/**
 * One line an event, for people or as JSON. Ids and keys are secrets, so lines have short names that
 * are the same for one id as long as the process lives, and that lead nowhere else. Tokens and what
 * peers say are never in them.
 */
export class Logs {
  readonly #salt: Uint8Array
  readonly #write: (text: string) => void
  #lines = 0
  #leftOut = 0
  #second = false
  #proxyNamed = false

  /**
   * @param options - `level`: the least urgent level that is written; of several processes: the salt
   * that they share, and which worker this is
   * @param write - writes a line; by default to stdout, where dropped lines are told of in this format
   */
  constructor(
    private readonly format: 'text' | 'json',
    private readonly options: { salt?: Uint8Array; worker?: number; level?: Level } = {},
    write?: (text: string) => void,
  ) {
    this.#salt = options.salt ?? randomBytes(16)
    if (write) {
      this.#write = write
      return
    }
    const { stdout } = standardOutputs()
    this.#write = (text) => stdout.write(text)
    stdout.notice = (lines, reason) =>
      this.#text('dropped', `${count(lines, 'line')} could not be written (${reason})`, {
        lines,
        reason,
      })
  }

  /** Writes a line for everything that a server tells. */
  follow(server: SignalServer): void {
    server.on('session', ({ app, id }) => {
      this.#line('session', () => [
        `${this.#peer(id)} has come${inApp(app)}`,
        { peer: this.#name(id), app },
      ])
    })
    server.on('sessionEnd', ({ app, id, lasted }) => {
      this.#line('session-end', () => [
        `${this.#peer(id)} is gone after ${duration(lasted)}`,
        { peer: this.#name(id), app, lasted },
      ])
    })
    server.on('introduction', ({ app, ids, keys }) => {
      this.#line('introduction', () => [
        `${this.#both(ids)}: ${count(keys.length, 'key')}`,
        { peers: this.#names(ids), app, keys: keys.length },
      ])
    })
    server.on('departure', ({ app, id, keys }) => {
      this.#line('departure', () => [
        `${this.#peer(id)} left ${count(keys.length, 'key')}`,
        { peer: this.#name(id), app, keys: keys.length },
      ])
    })
    server.on('pair', ({ app, ids, key, waited }) => {
      this.#line('pair', () => [
        `${this.#both(ids)}, after ${duration(waited)}`,
        { peers: this.#names(ids), app, key: this.#name(key), waited },
      ])
    })
    server.on('unpair', ({ app, ids, key, outcome, lasted }) => {
      this.#line('unpair', () => [
        `${this.#both(ids)}, after ${duration(lasted)}: ${outcome}`,
        { peers: this.#names(ids), app, key: this.#name(key), outcome, lasted },
      ])
    })
    server.on('refused', ({ url, status, code, address }) => {
      this.#line('refused', () => {
        const path = firstSegment(url)
        return [`${address} at ${path}: ${status} ${code}`, { address, path, status, code }]
      })
    })
    server.on('token', ({ outcome, address, app = '', tokenId = '' }) => {
      // a client that guesses on is counted, and not written down any more
      if (outcome === 'password_throttled') return
      const about = tokenId === '' ? '' : ` ${JSON.stringify(tokenId)}${inApp(app)}`
      const fields = { address, ...(tokenId !== '' && { app, token: tokenId }) }
      this.#line(outcome.replace('_', '-'), () => [`${address}${about}`, fields])
    })
    server.on('fault', this.fault)
  }

  /** Says when Redis does not answer, and when it does again: alone, an instance looks well. */
  followRedis(bus: Bus): void {
    let down = false
    const look = () => {
      clearTimeout(late)
      if (bus.up !== down) return
      down = !bus.up
      const { reason = 'Redis does not answer.' } = bus
      if (down) this.#line('redis-down', () => [`${reason} ${redisIsDown}`, { reason }])
      else this.#line('redis-up', () => ['Redis answers: joined with the instances on it', {}])
    }
    const late = setTimeout(look, redisPatience).unref()
    bus.watch(look)
  }

  /**
   * @param banner - what people are told instead of a line; `columns` of their terminal, where there
   * is one
   */
  listening(url: string, banner: (columns: number | undefined) => string): void {
    const { isTTY, columns } = process.stdout
    if (this.format === 'json') this.#line('listening', () => ['', { url }])
    else this.#write(banner(isTTY ? columns : undefined))
  }

  /** Something went wrong that should not. */
  readonly fault = (error: Error): void => {
    this.#line('fault', () => [error.stack ?? error.message, { message: error.message }])
  }

  closed(): void {
    this.#line('closed', () => ['everything has ended', {}])
  }

  /** A worker has ended by itself. */
  replaced(worker: number, pid: number | undefined, why: string): void {
    const sentence = `worker ${worker} has ended (${why}): another one takes its place`
    this.#line('replaced', () => [sentence, { worker, pid: pid ?? 0, why }])
  }

  draining(signal: string, { endpoints }: Stats): void {
    const pipes = endpoints['connection']?.['pipes'] ?? 0
    const sentence = `${signal}: nobody comes in any more; ${count(pipes, 'pipe')} may end by themselves`
    this.#line('draining', () => [sentence, { signal, pipes }])
  }

  /** Says once that requests come through a proxy, where TRUST_PROXY does not say so. */
  readonly unknownProxies: RequestHandler = (request, _response, next) => {
    if (!this.#proxyNamed && request.headers['x-forwarded-for'] !== undefined) {
      this.#proxyNamed = true
      const sentence =
        'requests come through a proxy: set TRUST_PROXY, so that limits count clients and not it'
      this.#line('proxy', () => [sentence, {}])
    }
    next()
  }

  /** @param about - makes the sentence and the fields, which cost more than to leave the line out */
  #line(event: string, about: () => readonly [sentence: string, fields: Fields]): void {
    const { level = 'info' } = this.options
    if (levels.indexOf(levelOf(event)) < levels.indexOf(level)) return
    if (this.#lines >= linesPerSecond) {
      this.#leftOut++
      return
    }
    this.#lines++
    if (!this.#second) {
      this.#second = true
      setTimeout(() => this.#nextSecond(), 1_000).unref()
    }
    this.#write(this.#text(event, ...about()))
  }

  #text(event: string, sentence: string, fields: Fields): string {
    return logLine(this.format, event, sentence, fields, this.options.worker)
  }

  #nextSecond(): void {
    const lines = this.#leftOut
    this.#second = false
    this.#lines = this.#leftOut = 0
    if (lines === 0) return
    this.#line('left-out', () => [`${count(lines, 'more line')} in one second`, { lines }])
  }

  #name(secret: string): string {
    return createHmac('sha256', this.#salt).update(secret).digest('hex').slice(0, 6)
  }

  #names(ids: readonly [string, string]): string[] {
    return ids.map((id) => this.#name(id))
  }

  #peer(id: string): string {
    return `peer ${this.#name(id)}`
  }

  #both(ids: readonly [string, string]): string {
    return this.#names(ids).join(' – ')
  }
}

const redisIsDown =
  'This instance serves its own clients alone, and tries again (DEBUG=signal:redis shows each attempt)'

const inApp = (app: string) => (app === '' ? '' : ` (${JSON.stringify(app)})`)

const count = (number: number, noun: string) =>
  `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`

/** A time in milliseconds, for people. */
function duration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${milliseconds} ms`
  const seconds = milliseconds / 1_000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** What a path leads to, without the ids and keys in it. */
function firstSegment(url: string): string {
  const [, token = '', first = ''] = /^((?:\/t\/…)?)(\/[^/]{0,40})/.exec(url) ?? []
  return `${token}${first}${url.length > token.length + first.length ? '/…' : ''}`
}
