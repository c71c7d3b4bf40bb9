import { version } from 'signal-server'
import { doctor } from './doctor/doctor.js'
import { withEnvFile } from './env-file.js'
import { help } from './help.js'
import { serve } from './serve.js'
import { SettingError } from './setting-kinds.js'
import { parseCommandLine, type CommandLine } from './command-line.js'
import { settingsFrom, type Environment } from './settings.js'

/**
 * Does what a command line says.
 * @returns the exit code, or undefined where a server runs now: 2 for a wrong setting, 1 for
 * anything else that went wrong
 */
export async function run(args: readonly string[], env: Environment): Promise<number | undefined> {
  try {
    const line = parseCommandLine(args)
    if (line.values.help) return print(help())
    if (line.values.version) return print(`${version}\n`)
    const [command, ...rest] = line.positionals
    if (command === 'doctor') return await doctor(urlOf(rest), doctorOptions(line), print)
    if (command !== undefined) {
      throw new SettingError(
        `There is no command ${JSON.stringify(command)}: "signal-server --help" shows what there is.`,
      )
    }
    if (line.values.token !== undefined || line.values.long) {
      throw new SettingError('--token and --long belong to "signal-server doctor URL".')
    }
    const file = line.values['env-file']
    await serve(settingsFrom(line, withEnvFile(env, typeof file === 'string' ? file : undefined)))
    return undefined
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return error instanceof SettingError ? 2 : 1
  }
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

function urlOf([url, ...more]: readonly string[]): URL {
  const parsed = url === undefined || more.length > 0 ? null : URL.parse(url)
  if (parsed && /^(https?|wss?):$/.test(parsed.protocol) && parsed.hostname !== '') return parsed
  throw new SettingError(
    'The doctor needs one URL: "signal-server doctor https://signal.example.com".',
  )
}

function doctorOptions({ values }: CommandLine): { token?: string; long: boolean } {
  const { token, long } = values
  return { ...(typeof token === 'string' && { token }), long: long === true }
}
