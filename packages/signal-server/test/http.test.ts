import { request as httpRequest, type IncomingMessage } from 'node:http'
import { HttpRefusal } from 'signal-server'
import { handshake } from 'signal-test-kit'
import supertest from 'supertest'
import { describe, expect, test } from 'vitest'
import { Stage } from './harness/stage.js'

describe('row 6: a plain GET on a WebSocket path', () => {
  const everywhere = { 'access-control-allow-origin': '*' }

  test.each([
    ['/introduction/alice', 426, 'upgrade_required'],
    ['/connection/a/b/k', 426, 'upgrade_required'],
    ['/introduction/', 404, 'not_found'],
    ['/connection/a/b', 404, 'not_found'],
    ['/introduction/%zz', 400, 'bad_request'],
    ['/connection/a/a/k', 400, 'bad_request'],
    [`/introduction/${'x'.repeat(257)}`, 414, 'uri_too_long'],
  ])('%s is answered with %i, which every page may read', async (path, status, error) => {
    const stage = await Stage.open()
    const response = await supertest(stage.http).get(path).expect(status)
    expect(response.headers).toMatchObject(everywhere)
    expect(response.body).toEqual({ error, message: expect.any(String) })
  })

  test.each([
    [401, () => Promise.reject(new HttpRefusal(401, 'unauthorized', 'A token, please.'))],
    [403, () => false],
    [500, () => Promise.reject(new Error('the database is gone'))],
  ])('says %i where the upgrade would', async (status, answer) => {
    let asked = false
    const stage = await Stage.open({ authorize: () => (asked ? answer() : true) })
    asked = true
    const faults: Error[] = []
    stage.server.on('fault', (error) => faults.push(error))
    const response = await supertest(stage.http).get('/introduction/alice').expect(status)
    expect(response.headers).toMatchObject(everywhere)
    expect(faults).toHaveLength(status === 500 ? 1 : 0)
  })

  test('may be a HEAD; another method is answered with 405', async () => {
    const stage = await Stage.open()
    const path = '/introduction/alice'
    await supertest(stage.http).head(path).expect(426)
    for (const method of ['post', 'put', 'delete', 'patch'] as const) {
      const response = await supertest(stage.http)[method](path).expect(405)
      expect(response.headers).toMatchObject(everywhere)
      expect(response.headers.allow).toContain('GET')
    }
  })

  test('may be asked for by a page that brings a token', async () => {
    const stage = await Stage.open()
    const response = await supertest(stage.http).options('/introduction/alice').expect(204)
    expect(response.headers).toMatchObject({
      ...everywhere,
      'access-control-allow-headers': 'Authorization',
    })
  })
})

describe('a request that offers HTTP/2, which a server may ignore', () => {
  const offers = {
    Connection: 'Upgrade, HTTP2-Settings',
    Upgrade: 'h2c',
    'HTTP2-Settings': 'AAMAAABk',
  }
  const plainly = (stage: Stage, path: string) =>
    new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      const receive = async (response: IncomingMessage) => {
        let body = ''
        for await (const chunk of response) body += String(chunk)
        resolve({ status: response.statusCode, body })
      }
      httpRequest(stage.http + path, { headers: offers }, (response) => void receive(response))
        .on('error', reject)
        .end()
    })

  test('is answered as if it did not', async () => {
    const stage = await Stage.open()
    expect(await plainly(stage, '/healthz')).toEqual({ status: 200, body: '{"status":"ok"}' })
    expect(await plainly(stage, '/introduction/alice')).toMatchObject({ status: 426 })
    expect(await plainly(stage, '/nowhere')).toMatchObject({ status: 404 })
  })

  test('and brings a body is refused, for it was not read', async () => {
    const stage = await Stage.open()
    const raw = await stage.raw()
    const headers = { ...offers, 'Content-Length': '5' }
    raw.write(handshake('/healthz', { method: 'POST', headers }) + 'hello')
    expect(await raw.response()).toMatchObject({ status: 404 })
  })

  test('survives a client that goes away meanwhile', async () => {
    const stage = await Stage.open()
    for (let n = 0; n < 50; n++) {
      const raw = await stage.raw()
      raw.write(handshake('/healthz', { headers: offers }))
      raw.reset()
    }
    await stage.expectQuiet()
  })
})
