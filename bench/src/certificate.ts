import { rmSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'

/** The files of a self-signed certificate. */
export interface Certificate {
  key: string
  cert: string
}

/** Makes a certificate for this run of the benchmark; its files go when the process ends. */
export async function makeCertificate(): Promise<Certificate> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-tls-'))
  const made = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' })
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const certificate = { key: join(folder, 'key.pem'), cert: join(folder, 'cert.pem') }
  await writeFile(certificate.key, made.private)
  await writeFile(certificate.cert, made.cert)
  return certificate
}
