import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Router } from 'express'
import { version, type SignalServer } from 'signal-server'
import type { Sample, Traffic } from './traffic.js'

/** Viewers at a time: the page of one that gives way to another one asks again after some seconds. */
export const mostViewers = 100
// one that does not read for so long is let go
const mostUnread = 64 * 1024

const asset = (name: string) =>
  readFileSync(new URL(`../../assets/${name}`, import.meta.url), 'utf8')

/**
 * The page at `/`, which anybody may see: how many, how much and how long; no id, no key and no
 * address. It is one document, and updates itself by server-sent events.
 */
export function statusRouter(server: SignalServer, traffic: Traffic): Router {
  const style = asset('status.css')
  const script = asset('status.js')
  // what the policy's hashes are of is all that stands in the two elements
  const page = asset('status.html')
    .replace(/(<style>)[^<]*/, (_, tag: string) => tag + style)
    .replace(/(<script>)[^<]*/, (_, tag: string) => tag + script)
  const policy = [
    "default-src 'none'",
    `style-src '${sha256(style)}'`,
    `script-src '${sha256(script)}'`,
    'img-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  const enter = server.places(mostViewers)
  const encoded = new EncodedEvents(traffic)

  const router = Router()
  router.get('/', (_request, response) => {
    response.set({ 'Content-Security-Policy': policy, 'Cache-Control': 'no-cache' })
    response.type('html').send(page)
  })
  router.get('/status', (request, response) => {
    const place = server.draining ? 'all' : enter(request, () => response.end())
    if (typeof place === 'string') {
      response.status(503).set('Retry-After', '10').json({ error: 'server_full' })
      return
    }
    response.set({
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      // nginx would keep events back until it has a page of them
      'X-Accel-Buffering': 'no',
    })
    response.flushHeaders()
    traffic.viewers++
    response.write(encoded.hello)
    const stop = traffic.watch(() => {
      // one that was ended to make room reads nothing if it is still there
      if (response.writableEnded || response.writableLength > mostUnread) response.destroy()
      // a stream that goes on would hold up the end of the server
      else if (server.draining) response.end()
      else response.write(encoded.sample)
    })
    request.socket.setTimeout(0)
    response.on('close', () => {
      stop()
      traffic.viewers--
      place.amount = 0
    })
  })
  return router
}

/** What all viewers are told, encoded once for all of them until the next look. */
class EncodedEvents {
  #hello: Buffer | undefined
  #sample: Buffer | undefined
  #last: Sample | undefined

  constructor(private readonly traffic: Traffic) {
    // before the viewers hear of a sample
    traffic.watch((sample) => {
      this.#last = sample
      this.#hello = this.#sample = undefined
    })
  }

  /** The event for a newcomer: what was seen in the last minutes. */
  get hello(): Buffer {
    return (this.#hello ??= encode('hello', { version, samples: this.traffic.samples }))
  }

  /** The event for all others: what was seen last. */
  get sample(): Buffer {
    return (this.#sample ??= encode('sample', this.#last))
  }
}

const encode = (event: string, content: unknown) =>
  Buffer.from(`event: ${event}\ndata: ${JSON.stringify(content)}\n\n`)

const sha256 = (text: string) => `sha256-${createHash('sha256').update(text).digest('base64')}`
