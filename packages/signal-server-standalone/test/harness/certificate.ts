import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A self-signed certificate for this machine, made with openssl for this test. */
export function makeCertificate(): { key: string; cert: string; ca: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'signal-tls-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1'
  const options = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const files = ['-keyout', key, '-out', cert]
  const about = ['-days', '30', '-subj', '/CN=localhost', '-addext', names]
  execFileSync('openssl', ['req', ...options, ...files, ...about], { stdio: 'ignore' })
  return { key, cert, ca: readFileSync(cert) }
}
