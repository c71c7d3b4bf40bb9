import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { SettingError } from './setting-kinds.js'
import type { Environment } from './settings.js'

/**
 * The environment with the variables of a file, as `node --env-file` has it: a variable that is set
 * already wins.
 *
 * @param file - lines such as `PORT=3000`; `#` begins a comment
 * @throws SettingError if the file cannot be read
 */
export function withEnvFile(env: Environment, file: string | undefined): Environment {
  if (file === undefined) return env
  try {
    return { ...parseEnv(readFileSync(file, 'utf8')), ...env }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is none' : `it cannot be read (${code})`
    throw new SettingError(`--env-file must be a file, and at ${JSON.stringify(file)} ${why}.`, {
      cause: error,
    })
  }
}
