import { Agent, request } from 'node:http'
import { Tokens } from 'signal-server'
import { describe, expect, test } from 'vitest'
import { BadMessage } from '../src/introduction/dialects/dialect.js'
import { v0 } from '../src/introduction/dialects/v0.js'
import { SECRET } from './harness/guarded-stage.js'
import { Stage } from './harness/stage.js'
import { workOf } from './harness/work.js'

const requests = 30
// of headers at most 16 KiB are read
const size = 14_000
const fill = (text: string) => text.repeat(Math.floor(size / text.length))

/** The CPU time for requests with a header, in milliseconds: the least of several runs. */
async function workFor(port: number, path: string, headers: Record<string, string>) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const ask = () =>
    new Promise<void>((resolve, reject) => {
      const asked = request({ port, host: '127.0.0.1', path, headers, agent }, (response) => {
        response.resume().on('end', resolve)
      })
      asked.on('error', reject).end()
    })
  let least = Infinity
  for (let round = 0; round < 3; round++) {
    const start = process.cpuUsage()
    for (let n = 0; n < requests; n++) await ask()
    const { user, system } = process.cpuUsage(start)
    least = Math.min(least, (user + system) / 1_000)
  }
  agent.destroy()
  return least
}

describe('row 48: a request costs about as much as a plain one of its size', () => {
  const alice = '/introduction/alice'
  const jwt = (part: string) => Buffer.from(part).toString('base64url')
  const hostile: [string, string, Record<string, string>][] = [
    ['thousands of subprotocols', alice, { 'Sec-WebSocket-Protocol': fill('a,') }],
    ['thousands of empty subprotocols', alice, { 'Sec-WebSocket-Protocol': fill(', ') }],
    ['thousands of proxies', alice, { 'X-Forwarded-For': fill('::1,') }],
    ['thousands of proxies that are none', alice, { 'X-Forwarded-For': fill('x,') }],
    ['cookies', alice, { Cookie: fill('a=b; ') }],
    ['a bearer of spaces', alice, { Authorization: `Bearer ${fill(' ')}x y` }],
    ['a bearer of dots', alice, { Authorization: `Bearer ${fill('.')}` }],
    [
      'a token with a long head',
      alice,
      { Authorization: `Bearer ${jwt(fill('[').slice(9_000))}.e30.x` },
    ],
    ['a path of slashes', `/${fill('/')}`, {}],
    ['a path of tokens', fill('/t/x'), {}],
    ['a path of percent signs', `/introduction/${fill('%41')}`, {}],
    ['a path of dots', fill('/..'), {}],
    ['a query', `${alice}?${fill('a[b][c]=1&')}`, {}],
    ['a query without end', `${alice}?${fill('[')}`, {}],
  ]

  test.each(hostile)('%s', async (_what, path, headers) => {
    const tokens = new Tokens({ secret: SECRET })
    const stage = await Stage.open({
      authorize: (_request, _claim, token) => token === undefined || tokens.check(token),
      trustProxy: true,
      maxSocketsPerAddress: 1_000,
    })
    const { port } = new URL(stage.http)
    const plain = await workFor(Number(port), alice, { 'X-Long': 'x'.repeat(size) })
    const work = await workFor(Number(port), path, headers)
    expect(work).toBeLessThan(30 + 4 * plain)
  })
})

describe('row 48: a message costs hardly more than to parse its JSON', () => {
  const list = (item: (n: number) => string) => (size: number) => {
    const items: string[] = []
    for (let bytes = 0; bytes < size; bytes += items.at(-1)!.length + 1)
      items.push(item(items.length))
    return items.join(',')
  }
  const shapes: Record<string, (size: number) => string> = {
    'keys of a Join': list((n) => `"k${n}"`),
    'keys that are numbers': list((n) => `"${n * 1024}"`),
    'one key, again and again': list(() => '"k"'),
    'empty lists': list(() => '[]'),
    'objects of many shapes': list((n) => `{"a${n}":1}`),
    'objects with one large number as name': list(() => '{"1000":1}'),
    'lists nested 90 deep': list(() => '['.repeat(90) + ']'.repeat(90)),
  }

  test.each(Object.entries(shapes))('%s', (_what, shape) => {
    const content = shape(512 * 1024)
    for (const message of [`{"join":[${content}]}`, `{"join":["k"],"more":[${content}]}`]) {
      const data = Buffer.from(message)
      const work = workOf(() => {
        try {
          v0.decode(data)
        } catch (error) {
          expect(error).toBeInstanceOf(BadMessage)
        }
      })
      // a set of many keys takes as long as to parse them
      expect(work).toBeLessThan(20 + 4 * workOf(() => JSON.parse(data.toString()) as unknown))
    }
  })

  const many = ['empty lists', 'objects of many shapes', 'lists nested 90 deep'] as const
  test.each(many)('and of more than 20,000 parts about what a text does: %s', (shape) => {
    const size = 512 * 1024
    const decode = (json: string) => {
      const data = Buffer.from(`{"join":["k"],"more":${json}}`)
      return () => {
        try {
          return v0.decode(data)
        } catch (error) {
          return error
        }
      }
    }
    const lists = decode(`[${shapes[shape]!(size)}]`)
    expect(lists()).toBeInstanceOf(BadMessage)
    expect(workOf(lists)).toBeLessThan(2 + 4 * workOf(decode(`"${'x'.repeat(size)}"`)))
  })
})
