import { parseArgs } from 'node:util'

/** A number of the command line: its default, and the least that makes sense. */
export interface NumberOption {
  fallback: number
  least: number
}

/** What a command line says. */
export interface CommandLine<Name extends string, Text extends string> {
  numbers: Record<Name, number>
  /** The switches that are on. */
  on: ReadonlySet<string>
  texts: Record<Text, string | undefined>
  /** Ends the process: a value is of no use. */
  readonly fail: (message: string) => never
}

/**
 * The options of this process's command line. `--help` shows the usage and ends; what is wrong is
 * said with the usage, and ends with 2: a campaign that took no number for one would try nothing,
 * and find no fault.
 */
export function commandLine<Name extends string, Text extends string = never>(
  usage: string,
  options: Record<Name, NumberOption>,
  switches: readonly string[] = [],
  textOptions: readonly Text[] = [],
): CommandLine<Name, Text> {
  const names = Object.keys(options) as Name[]
  const values = parse(usage, [...names, ...textOptions], ['help', ...switches])
  if (values['help'] === true) {
    process.stdout.write(usage)
    process.exit(0)
  }
  const read = (name: Name): number => {
    const { fallback, least } = options[name]
    const text = values[name]
    if (typeof text !== 'string') return fallback
    const number = text.trim() === '' ? NaN : Number(text)
    if (Number.isFinite(number) && number >= least) return number
    return fail(usage, `--${name} must be a number from ${least} up, not ${JSON.stringify(text)}.`)
  }
  const numbers = Object.fromEntries(names.map((name) => [name, read(name)]))
  const on = new Set(switches.filter((name) => values[name] === true))
  const texts = Object.fromEntries(textOptions.map((name) => [name, values[name]]))
  return {
    numbers: numbers as Record<Name, number>,
    on,
    texts: texts as Record<Text, string | undefined>,
    fail: (message) => fail(usage, message),
  }
}

function parse(
  usage: string,
  names: readonly string[],
  switches: readonly string[],
): Record<string, unknown> {
  const all: Record<string, { type: 'string' | 'boolean' }> = {}
  for (const name of names) all[name] = { type: 'string' }
  for (const name of switches) all[name] = { type: 'boolean' }
  try {
    return parseArgs({ options: all }).values
  } catch (error) {
    return fail(usage, error instanceof Error ? error.message : String(error))
  }
}

function fail(usage: string, message: string): never {
  process.stderr.write(`${message}\n\n${usage}`)
  process.exit(2)
}
