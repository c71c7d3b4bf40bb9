import { parseArgs, type ParseArgsConfig } from 'node:util'
import { SettingError } from './setting-kinds.js'
import { groups, listening } from './settings-table.js'

/** What the command line has, once it is taken apart. */
export interface CommandLine {
  readonly values: Readonly<Record<string, string | boolean | string[] | undefined>>
  readonly positionals: readonly string[]
}

const flagged = Object.values(groups)
  .flatMap((group) => Object.values(group))
  .filter((setting) => setting.flag !== undefined)

/** @throws SettingError that names what is wrong */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const options: ParseArgsConfig['options'] = {
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean', short: 'v' },
    'env-file': { type: 'string' },
    token: { type: 'string' },
    long: { type: 'boolean' },
  }
  for (const { flag, kind } of flagged) {
    options[flag!] = { type: 'string', multiple: kind === listening.origins.kind }
  }
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
    return { values: values as CommandLine['values'], positionals }
  } catch (error) {
    const [, name = 'this'] = /'(?:-\w, )?(-{1,2}[^\s'<]+)/.exec((error as Error).message) ?? []
    const { code } = error as NodeJS.ErrnoException
    throw new SettingError(
      code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION'
        ? `There is no option ${name}: "signal-server --help" lists them.`
        : `The option ${name} is not used like this: "signal-server --help" shows how.`,
    )
  }
}
