import type { HandshakeFlaws, RawResponse } from 'signal-test-kit'
import { check, each, type Check } from '../check.js'
import { must, same } from '../failure.js'

interface Refusal {
  status: number
  code: string
  what: string
  path: string
  flaws?: HandshakeFlaws
  headers?: Record<string, RegExp>
  proxyAnswers?: string
}

const malformedPath = 'A proxy may refuse a malformed path itself, without the JSON body.'
const longHeaders = 'A proxy has its own limit for headers, and its own status beyond it.'
const lateHeaders = 'A proxy waits for the headers itself, for a time of its own.'

const introduction = '/introduction/refused'
const connection = '/connection/refused-a/refused-b/k'
const version = { 'sec-websocket-version': /\b13\b/ }

const refusals: Refusal[] = [
  ...[introduction, connection].flatMap((path): Refusal[] => [
    {
      status: 405,
      code: 'method_not_allowed',
      what: `POST on ${path}`,
      path,
      flaws: { method: 'POST' },
      headers: { allow: /\bGET\b/ },
    },
    {
      status: 426,
      code: 'upgrade_required',
      what: `version 8 on ${path}`,
      path,
      flaws: { headers: { 'Sec-WebSocket-Version': '8' } },
      headers: version,
    },
    {
      status: 426,
      code: 'upgrade_required',
      what: `no version on ${path}`,
      path,
      flaws: { headers: { 'Sec-WebSocket-Version': undefined } },
      headers: version,
    },
    {
      status: 426,
      code: 'upgrade_required',
      what: `an upgrade to something else on ${path}`,
      path,
      flaws: { headers: { Upgrade: 'h2c' } },
      headers: version,
    },
    {
      status: 400,
      code: 'bad_request',
      what: `no Sec-WebSocket-Key on ${path}`,
      path,
      flaws: { headers: { 'Sec-WebSocket-Key': undefined } },
    },
    {
      status: 400,
      code: 'bad_request',
      what: `a Sec-WebSocket-Key of the wrong length on ${path}`,
      path,
      flaws: { headers: { 'Sec-WebSocket-Key': 'dG9vIHNob3J0' } },
    },
  ]),
  { status: 404, code: 'not_found', what: 'an unknown path', path: '/unknown/path' },
  {
    status: 400,
    code: 'bad_request',
    what: 'a malformed segment',
    path: '/introduction/%zz',
    proxyAnswers: malformedPath,
  },
  {
    status: 414,
    code: 'uri_too_long',
    what: 'a long key',
    path: `/connection/a/b/${'k'.repeat(257)}`,
  },
]

const asked: Omit<Refusal, 'what'>[] = [
  { status: 426, code: 'upgrade_required', path: introduction },
  { status: 426, code: 'upgrade_required', path: connection },
  { status: 400, code: 'bad_request', path: '/introduction/%zz', proxyAnswers: malformedPath },
  { status: 400, code: 'bad_request', path: '/connection/a/a/k' },
  { status: 404, code: 'not_found', path: '/connection/a/b' },
  { status: 404, code: 'not_found', path: '/introduction/' },
  { status: 414, code: 'uri_too_long', path: `/introduction/${'i'.repeat(257)}` },
]

/** §3.4 and §3.5: how a server says no. */
export const refusalChecks: readonly Check[] = [
  ...each(refusals, ({ status, code, what, path, flaws, headers = {}, proxyAnswers }) =>
    check(
      '3.4',
      `${what} is answered with ${status} and ${code}`,
      async ({ first }) => {
        const response = await first.ask(path, flaws)
        expectBody(response, status, code)
        for (const [name, value] of Object.entries(headers)) {
          const header = response.headers[name] ?? ''
          must(value.test(header), `${name} is "${header}"`)
        }
      },
      { ...(proxyAnswers && { proxyAnswers }) },
    ),
  ),

  check(
    '3.4',
    'Headers of more than 16 KiB are answered with 431',
    async ({ first }) => {
      const headers = { 'X-Long': 'x'.repeat(17 * 1024) }
      same((await first.ask(introduction, { headers })).status, 431, 'status')
    },
    { proxyAnswers: longHeaders },
  ),

  check(
    '3.4',
    'Headers that are not complete are answered with 408 within 7 s',
    async ({ first }) => {
      const raw = await first.raw()
      raw.write(first.handshake(introduction).slice(0, -10))
      same((await raw.response(7_000)).status, 408, 'status')
      await raw.ended
    },
    { proxyAnswers: lateHeaders },
  ),

  check(
    '3.4',
    'A connection that says nothing is answered with 408 within 7 s',
    async ({ first }) => {
      const raw = await first.raw()
      same((await raw.response(7_000)).status, 408, 'status')
      await raw.ended
    },
    { proxyAnswers: lateHeaders },
  ),

  ...each(asked, ({ status, code, path, proxyAnswers }) =>
    check(
      '3.5',
      `A plain GET of ${short(path)} is answered with ${status}`,
      async ({ first }) => {
        const response = await first.fetch(path)
        const headers = Object.fromEntries(response.headers)
        expectBody({ status: response.status, headers, body: await response.text() }, status, code)
        same(headers['access-control-allow-origin'], '*', 'Access-Control-Allow-Origin')
      },
      { ...(proxyAnswers && { proxyAnswers }) },
    ),
  ),

  ...each([introduction, connection], (path) =>
    check('3.5', `OPTIONS of ${path} allows the header Authorization`, async ({ first }) => {
      const response = await first.fetch(path, {
        method: 'OPTIONS',
        headers: {
          Origin: 'https://page.example',
          'Access-Control-Request-Method': 'GET',
          'Access-Control-Request-Headers': 'authorization',
        },
      })
      must(response.ok, `it was answered with ${response.status}`)
      same(response.headers.get('access-control-allow-origin'), '*', 'allowed origin')
      const allowed = response.headers.get('access-control-allow-headers')?.toLowerCase() ?? ''
      must(allowed.split(/, */).includes('authorization'), `allowed headers are "${allowed}"`)
    }),
  ),

  check('3.5', 'A wrong token is told why by a plain GET, too', async ({ first }) => {
    const response = await first.fetch(introduction, { headers: { Authorization: 'Bearer wrong' } })
    // a server that asks for no token ignores it
    same(response.status, first.token === undefined ? 426 : 401, 'status')
  }),
]

function expectBody(response: RawResponse, status: number, code: string): void {
  same(response.status, status, 'status')
  let body: unknown
  try {
    body = JSON.parse(response.body)
  } catch {
    must(false, `the body is not JSON: ${response.body.slice(0, 80)}`)
  }
  const { error, message } = body as Record<string, unknown>
  same(error, code, 'error')
  must(typeof message === 'string' && message.length > 0, 'there is no sentence in "message"')
  const type = response.headers['content-type'] ?? ''
  must(type.startsWith('application/json'), `the type of the body is "${type}"`)
}

function short(path: string): string {
  return path.length > 60 ? `${path.slice(0, 20)}…` : path
}
