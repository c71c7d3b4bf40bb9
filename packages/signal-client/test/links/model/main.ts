import { parseArgs } from 'node:util'
import { measure } from '../cost.js'
import { run, scenarios, schedule, shrink, walk } from './index.js'

const help = `yarn test:links [options]
  --schedules N    how many schedules are run (10,000)
  --seed N         the first seed (1)
  --kind NAME      only this kind: ${Object.keys(scenarios).join(', ')}
  --cost           measures what a message costs the machine, instead
  --trace          shows the schedule of the seed and the kind, as it goes`

const values = read()
const seed = Number(values.seed)
const kinds = values.kind === undefined ? Object.keys(scenarios) : [values.kind]
const unknown = kinds.find((kind) => !(kind in scenarios))

if (values.help) console.log(help)
else if (unknown !== undefined || !Number.isInteger(seed) || !(Number(values.schedules) > 0)) {
  console.error(unknown === undefined ? help : `There is no kind ${unknown}.\n${help}`)
  process.exitCode = 2
} else if (values.cost) console.log(measure())
else if (values.trace) show(kinds[0]!, seed)
else {
  const each = Math.ceil(Number(values.schedules) / kinds.length)
  const began = performance.now()
  const found = walk(each, seed, kinds)
  const seconds = ((performance.now() - began) / 1_000).toFixed(1)
  if (!found) {
    const last = seed + each - 1
    console.log(
      `${each * kinds.length} schedules of ${kinds.length} kinds, seeds ${seed} to ${last}, in ${seconds} s: all is well.`,
    )
  } else {
    console.error(`${found.scenario}, seed ${found.seed}: ${found.faults.join('\n')}\n`)
    show(found.scenario, found.seed, true)
    process.exitCode = 1
  }
}

/** Prints what happens in a schedule. */
function show(kind: string, number: number, isSmall = false): void {
  const whole = schedule(kind, number)
  const actions = isSmall ? shrink(whole, number) : whole
  if (isSmall) console.log(`These ${actions.length} of ${whole.length} actions suffice:`)
  for (const { at, does } of actions.toSorted((a, b) => a.at - b.at)) {
    console.log(`${(at / 1_000).toFixed(3).padStart(8)} ${JSON.stringify(does)}`)
  }
  const { trace, faults } = run(actions, number, true)
  console.log(['', ...trace, '', ...faults].join('\n'))
}

/** The options; ends the program with a sentence if there is one that it does not know. */
function read() {
  try {
    return parseArgs({
      options: {
        schedules: { type: 'string', default: '10000' },
        seed: { type: 'string', default: '1' },
        kind: { type: 'string' },
        cost: { type: 'boolean', default: false },
        trace: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`)
    process.exit(2)
  }
}
