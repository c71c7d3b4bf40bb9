import { checkoutAt, type Checkout } from './checkout.js'
import { commandLine } from './command-line.js'
import { dialsPerSecond } from './report/dials.js'
import { lines, type Line } from './report/lines.js'
import { measure } from './report/measure.js'
import { hoardedSockets } from './storms/hoards.js'

// `yarn stress`: uses each limit up, lets each flood loose, and prints what others notice of it.

const usage = `yarn stress [options]
  --only LIST    these storms alone, by commas (all)
  --server DIR   the built checkout whose server is measured (this one)
  --before DIR   another one, whose figures are printed beside them
  --list         names the storms, and ends

Each line has a fresh server. Longest wait of a bystander in ms, peak of resident memory in MB, or
the number of endpoints that served no newcomer. A figure above its target ends it with exit code 1.
Times mean something on a quiet machine only.
`
const { on, texts, fail } = commandLine(usage, {}, ['list'], ['only', 'server', 'before'])
const only = texts.only?.split(',')
const names = new Set([...lines.map(({ storm }) => storm), 'flapping'])
for (const name of only ?? []) if (!names.has(name)) fail(`There is no storm "${name}".`)
if (on.has('list')) {
  console.log([...names].join('\n'))
  process.exit(0)
}
const now = attempt(() => checkoutAt(texts.server))
const before = texts.before === undefined ? undefined : attempt(() => checkoutAt(texts.before))

print(['what', 'at most', ...(before ? ['before'] : []), 'now', ''])
for (const line of lines) {
  if (only && !only.includes(line.storm)) continue
  await row(`${line.about}`, `${line.most} ${line.unit}`, line.most, (checkout) =>
    figureOf(line, checkout),
  )
}
if (!only || only.includes('flapping')) {
  const about = 'dials a second of each client at a flapping peer'
  await row(about, '2', 2, dialsPerSecond)
}

/** Measures one line, and prints it. */
async function row(
  about: string,
  target: string,
  most: number,
  figure: (checkout: Checkout) => Promise<number | string>,
): Promise<void> {
  const then = before && (await figure(before))
  const value = await figure(now)
  const reached = typeof value === 'number' && value <= most
  if (!reached) process.exitCode = 1
  print([about, target, ...(then === undefined ? [] : [then]), value, reached ? '✓' : '✗'])
}

/** A figure, or the word for a server that gave none. */
async function figureOf(line: Line, checkout: Checkout): Promise<number | string> {
  try {
    const circumstances = {
      checkout,
      addresses: true,
      options: { maxSockets: hoardedSockets },
      ...line.circumstances,
    }
    return line.figure(await measure(line.storm, circumstances))
  } catch (error) {
    console.error(`${line.storm}: ${error instanceof Error ? error.message : String(error)}`)
    return 'fails'
  }
}

function print(cells: readonly (string | number)[]): void {
  const [about, ...others] = cells
  console.log(String(about).padEnd(56) + others.map((cell) => String(cell).padStart(10)).join(''))
}

function attempt<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}
