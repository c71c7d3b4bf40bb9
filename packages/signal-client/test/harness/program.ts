import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const here = fileURLToPath(new URL('.', import.meta.url))

/** What a program that ended well has written. */
export function run(code: string): Promise<{ stdout: string; stderr: string }> {
  const args = ['--input-type=module', '-e', code]
  return promisify(execFile)(process.execPath, args, { cwd: here, timeout: 15_000 })
}
