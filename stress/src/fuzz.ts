import { Campaign } from './campaign.js'
import { checkoutAt } from './checkout.js'
import { commandLine } from './command-line.js'
import { table, type Find } from './finds.js'
import { Random } from './random.js'
import { hasRedis } from './server/redis.js'
import { storms } from './storms/all-storms.js'
import type { Storm } from './storms/storm.js'

// `yarn fuzz`: clients that send anything, in every phase, and storms of clients that do one harmful
// thing at once, while others talk undisturbed.

const usage = `yarn fuzz [options]
  --minutes N    how long (1)
  --seed N       what the random choices follow from; the same number, the same cases (by the time)
  --from N       the first case (0)
  --cases N      ends after so many, if the time is not over before
  --batch N      cases between two storms (300)
  --instances N  several servers, joined by a Redis; clients come to each in turn (1)
  --storms LIST  only these, by commas, or "none" (all: one after each batch of cases)
  --server DIR   the built checkout whose server is tried (this one)
  --keep-going   notes each find, starts a new server, and tries what has found nothing yet
  --verbose      a line for each storm
  --list         names the storms, and ends

One fault ends it with exit code 1, and with the command that repeats what found it.
`
const { numbers, on, texts, fail } = commandLine(
  usage,
  {
    minutes: { fallback: 1, least: 0.01 },
    seed: { fallback: Date.now() % 1_000_000, least: 0 },
    from: { fallback: 0, least: 0 },
    cases: { fallback: 1_000_000_000, least: 1 },
    batch: { fallback: 300, least: 1 },
    instances: { fallback: 1, least: 1 },
  },
  ['keep-going', 'verbose', 'list'],
  ['storms', 'server'],
)
if (on.has('list')) {
  for (const { name, row } of storms) console.log(`${name} (row ${row})`)
  process.exit(0)
}
const { minutes, seed, from: first, cases, batch, instances } = numbers
if (instances > 1 && !hasRedis) fail('Several instances need redis-server, which is not installed.')
const chosen = choose(texts.storms)
const checkout = attempt(() => checkoutAt(texts.server))
const begin = Date.now()
const until = begin + minutes * 60_000
const last = first + cases
/** Of a storm that has been tried in full before. */
const sizes = [1, 0.5, 0.2]

const finds: Find[] = []
const found = new Set<string>()
const attempts = new Map<string, number>()
let next = first
let worst = { turn: 0, wait: 0 }
let campaign = await Campaign.start(checkout, instances)
console.log(`Fuzzing with --seed ${seed}, until ${new Date(until).toLocaleTimeString()}.`)

const over = () => Date.now() > until || next >= last || (finds.length > 0 && !on.has('keep-going'))
for (let round = 0; !over(); round++) {
  const from = next
  next = Math.min(from + batch, last)
  if (!found.has('cases')) {
    await note('cases', next - first, `--from ${from} --cases ${next - from} --storms none`, () =>
      campaign.cases(seed, from, next),
    )
  }
  const storm = nextStorm(round)
  if (!storm || over()) continue
  const random = new Random(seed + round)
  const count = (attempts.get(storm.name) ?? 0) + 1
  const size = count === 1 ? 1 : random.pick(sizes)
  attempts.set(storm.name, count)
  await note(storm.name, count, `--storms ${storm.name}`, () =>
    campaign.storm(storm, seed + round, size),
  )
}
if (finds.length === 0) {
  worst = campaign.judges.worst
  await campaign.end()
  const tried = [...attempts.values()].reduce((sum, times) => sum + times, 0)
  console.log(
    `${next - first} cases and ${tried} storms, no fault. Longest turn ${Math.round(worst.turn)} ms ` +
      `of CPU, longest wait of a bystander ${Math.round(worst.wait)} ms; nothing left.`,
  )
} else {
  await campaign.abandon()
  console.log(`\n${table(finds)}`)
  process.exitCode = 1
}

/** Runs one part of the campaign, and writes down what it finds. */
async function note(
  by: string,
  count: number,
  repeat: string,
  run: () => Promise<string[]>,
): Promise<void> {
  const started = Date.now()
  const sentences = await run().catch((error: unknown) => [String(error), ...campaign.faults])
  const took = ((Date.now() - started) / 1_000).toFixed(1)
  if (on.has('verbose')) console.log(`${by}: ${took} s, ${sentences.length} faults`)
  if (sentences.length === 0) return
  found.add(by)
  finds.push({ by, sentences, attempts: count, seconds: (Date.now() - begin) / 1_000 })
  console.error(`${by}:\n${sentences.join('\n')}`)
  const several = instances > 1 ? ` --instances ${instances}` : ''
  console.error(`Again: yarn fuzz --seed ${seed}${several} ${repeat}\n`)
  if (!on.has('keep-going') || over()) return
  await campaign.abandon()
  campaign = await Campaign.start(checkout, instances)
}

/** Each one in turn, in an order that follows from the seed. */
function nextStorm(round: number): Storm | undefined {
  const order = new Random(seed)
  const ranked = chosen.map((storm) => ({ storm, rank: order.next() }))
  const left = ranked.filter(({ storm }) => !found.has(storm.name))
  left.sort((a, b) => a.rank - b.rank)
  return left[round % left.length]?.storm
}

function choose(list: string | undefined): readonly Storm[] {
  if (list === undefined) return storms
  if (list === 'none') return []
  return list.split(',').map((name) => {
    const storm = storms.find((one) => one.name === name)
    return storm ?? fail(`There is no storm ${JSON.stringify(name)}; --list names them.`)
  })
}

function attempt<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}
