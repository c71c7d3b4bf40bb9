import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const command = fileURLToPath(new URL('../../dist/run.js', import.meta.url))

/** What came of a run of the command. */
interface Run {
  code: number
  output: string
}

/** Runs the command to its end. */
export function conformance(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, ...env } }
    execFile(process.execPath, [command, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr })
    })
  })
}
