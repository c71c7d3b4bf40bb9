import { get } from 'node:https'
import { expect, test } from 'vitest'
import { makeCertificate } from './harness/certificate.js'
import { Command } from './harness/command.js'
import { pair } from './harness/peers.js'

test('with a key and a certificate it serves https and wss, and pipes there', async () => {
  const { key, cert, ca } = makeCertificate()
  const { command, url } = await Command.serve({ KEY: key, CERT: cert })
  expect(url).toMatch(/^https:\/\//)
  expect(command.output).toMatch(/on {3}TLS,/)
  const status = await new Promise((resolve, reject) => {
    get(`${url}/healthz`, { ca }, (response) => {
      response.resume()
      resolve(response.statusCode)
    }).on('error', reject)
  })
  expect(status).toBe(200)

  const [a, b] = await pair(url, { ca })
  const large = Buffer.alloc(5 * 1024 * 1024, 'tls')
  a.send(large)
  b.send('there')
  expect((await b.messages.next()).bytes.equals(large)).toBe(true)
  expect((await a.messages.next()).text).toBe('there')
  await a.close(4000, 'over')
  expect(await b.closed).toEqual({ code: 4000, reason: 'over' })
  expect((await command.end()).code).toBe(0)
})
