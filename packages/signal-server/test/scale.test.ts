import { readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import {
  announcing,
  carrying,
  dispersing,
  gathering,
  idling,
  joining,
  leaving,
  living,
  othersMet,
  remotePairing,
  localPairing,
  render,
} from '../../../scripts/scale.mjs'
import { LocalBus, SignalServer, type Bus } from '../src/index.js'
import { eventually } from './harness/arrivals.js'
import { Client, type Fields } from './harness/client.js'

interface Cost {
  published: number
  delivered: number
}

/** What goes over a bus that joins several instances, signs of life aside. */
class Meter {
  readonly #bus = new LocalBus()
  readonly urls: string[] = []
  readonly cost: Cost = { published: 0, delivered: 0 }
  readonly life: Cost = { published: 0, delivered: 0 }

  static async start(instances: number): Promise<Meter> {
    const meter = new Meter()
    for (let n = 0; n < instances; n++) {
      // what a test adds at the end is not to be counted as pings
      const signal = new SignalServer({ bus: meter.#member(), pingInterval: 60_000 })
      onTestFinished(() => signal.close())
      const { port } = await signal.listen({ port: 0, host: '127.0.0.1' })
      meter.urls.push(`ws://127.0.0.1:${port}`)
    }
    return meter
  }

  #member(): Bus {
    const bus = this.#bus
    // what is told to all is about instances, and so is the answer that a new one gets
    const isLife = (topic: string, message: Uint8Array) =>
      topic === 'signal:all' || Buffer.from(message).includes('"t":"alive"')
    const costOf = (topic: string, message: Uint8Array) =>
      isLife(topic, message) ? this.life : this.cost
    return {
      up: bus.up,
      watch: () => bus.watch(),
      publish: (topic, message) => {
        costOf(topic, message).published++
        bus.publish(topic, message)
      },
      subscribe: (topic, handler) =>
        bus.subscribe(topic, (message) => {
          costOf(topic, message).delivered++
          handler(message)
        }),
    }
  }

  /** What something costs; waits until it has cost as much as is expected. */
  async of(work: () => Promise<void>, expected: Cost): Promise<Cost> {
    const before = { ...this.cost }
    const spent = (): Cost => ({
      published: this.cost.published - before.published,
      delivered: this.cost.delivered - before.delivered,
    })
    await work()
    const enough = () =>
      spent().published >= expected.published && spent().delivered >= expected.delivered
    const shown = () => `${JSON.stringify(expected)}, not ${JSON.stringify(spent())}`
    await eventually(enough, shown)
    return spent()
  }

  open(instance: number, path: string, protocols: string[] = []): Promise<Client> {
    return Client.open(`${this.urls[instance]!}${path}`, protocols)
  }
}

const total = (costs: Cost[]): Cost => ({
  published: costs.reduce((sum, { published }) => sum + published, 0),
  delivered: costs.reduce((sum, { delivered }) => sum + delivered, 0),
})

/** Peers that come one after the other to the instances that are named. */
async function come(meter: Meter, keys: string[], places: number[]): Promise<Client[]> {
  const peers: Client[] = []
  for (const [n, place] of places.entries()) {
    const peer = await meter.open(place, `/introduction/${keys[0]}-${n}`, ['signal.v1'])
    peer.send({ type: 'Join', join: keys })
    peers.push(peer)
    const all = n * keys.length
    await eventually(() => peers.every((one) => introducedKeys(one) === all), 'all introductions')
  }
  return peers
}

const introducedKeys = ({ seen }: Client) =>
  seen
    .map(({ text }) => JSON.parse(text) as Fields)
    .filter(({ type }) => type === 'Introduction')
    .reduce((sum, { keys }) => sum + (keys as string[]).length, 0)

test('joins and leaves cost the bus what the model says: 9 peers, 3 keys, 3 instances', async () => {
  const meter = await Meter.start(3)
  const places = [0, 1, 2, 0, 1, 2, 0, 1, 2]
  const keys = ['a', 'b', 'c']
  const each = (cost: (others: number) => Cost) =>
    total(places.flatMap((_place, n) => keys.map(() => cost(Math.min(n, 2)))))
  const peers: Client[] = []
  // each Join and each end is one of several keys
  const once = (cost: (others: number) => Cost) => places.map((_place, n) => cost(Math.min(n, 2)))
  const joins = total([each(joining), ...once(gathering)])
  const come9 = async () => void peers.push(...(await come(meter, keys, places)))
  expect(await meter.of(come9, joins)).toEqual(joins)
  // an instance hears a key for a while after its last peer has left it
  const leaves = total([each(() => leaving(2)), ...once(() => dispersing(2))])
  const go = async () => {
    for (const peer of peers) await peer.close()
  }
  expect(await meter.of(go, leaves)).toEqual(leaves)
})

test('so do announcements, of a peer whose key is wanted on one other instance of three', async () => {
  const meter = await Meter.start(3)
  const [one, two] = await come(meter, ['a'], [0, 1, 1])
  const announce = async () => {
    one!.send({ type: 'Announce', info: 'here' })
    expect((await two!.next('Update')).info).toBe('here')
  }
  expect(await meter.of(announce, announcing(1))).toEqual(announcing(1))
  const gone = leaving(1)
  expect(await meter.of(async () => void (await one!.close()), gone)).toEqual(gone)
})

test('and within a tenth where peers are anywhere: 40 keys of 6 peers on 4 instances', async () => {
  const meter = await Meter.start(4)
  // drawn once, so that the test is the same each time
  let seed = 7
  const place = () => (seed = (seed * 16_807) % 2_147_483_647) % 4
  const keys = Array.from({ length: 40 }, (_, n) => `key-${n}`)
  const one = total(Array.from({ length: 6 }, (_, n) => joining(othersMet(n + 1, 4))))
  const work = async () => {
    for (const key of keys) await come(meter, [key], Array.from({ length: 6 }, place))
  }
  const { published, delivered } = await meter.of(work, { published: 0, delivered: 0 })
  expect(Math.abs(published / (keys.length * one.published) - 1)).toBeLessThan(0.1)
  expect(Math.abs(delivered / (keys.length * one.delivered) - 1)).toBeLessThan(0.1)
})

test('so do pairs, on one instance and on two', async () => {
  const meter = await Meter.start(2)
  const pair = async (n: number, places: [number, number]) => {
    const a = await meter.open(places[0], `/connection/a${n}/b${n}/k`, ['signal.v1'])
    const b = await meter.open(places[1], `/connection/b${n}/a${n}/k`, ['signal.v1'])
    for (const client of [a, b]) expect(await client.next('Paired')).toEqual({ type: 'Paired' })
    return [a, b] as const
  }
  const pairs = (from: number, to: number, places: [number, number]) => async () => {
    for (let n = from; n < to; n++) await pair(n, places)
  }
  const here = total(Array.from({ length: 10 }, () => localPairing))
  expect(await meter.of(pairs(0, 10, [0, 0]), here)).toEqual(here)
  const remote = total(Array.from({ length: 20 }, () => remotePairing))
  expect(await meter.of(pairs(10, 30, [0, 1]), remote)).toEqual(remote)
})

test(
  'so do bytes that cross, and pipes in which nothing is said, and instances that live',
  {
    timeout: 60_000,
  },
  async () => {
    const meter = await Meter.start(2)
    const a = await meter.open(0, '/connection/a/b/k', ['signal.v1'])
    const b = await meter.open(1, '/connection/b/a/k', ['signal.v1'])
    await Promise.all([a.next('Paired'), b.next('Paired')])
    const chunks = 10
    const carried = { published: 0, delivered: 0 }
    for (let n = 0; n < chunks; n++) {
      const before = { ...meter.cost }
      a.send(`chunk ${n}`)
      await b.messages.next()
      await eventually(
        () => meter.cost.delivered - before.delivered >= carrying.delivered,
        'its acknowledgement',
      )
      carried.published += meter.cost.published - before.published
      carried.delivered += meter.cost.delivered - before.delivered
    }
    // a probe may come between
    expect(carried.published).toBeGreaterThanOrEqual(chunks * carrying.published)
    expect(carried.published).toBeLessThanOrEqual(chunks * carrying.published + 2)

    // of many pipes that are quiet, each side asks in one message
    const pipes = 20
    for (let n = 1; n < pipes; n++) {
      const sides = await Promise.all([
        meter.open(0, `/connection/a/b/${n}`, ['signal.v1']),
        meter.open(1, `/connection/b/a/${n}`, ['signal.v1']),
      ])
      for (const side of sides) await side.next('Paired')
    }
    const seconds = async (probes: number) => {
      const before = meter.cost.published
      const start = performance.now()
      await eventually(() => meter.cost.published - before >= probes, 'probes', 20_000)
      return (performance.now() - start) / 1_000
    }
    // what the pairs cost is over once each side has asked twice
    await seconds(4)
    const living2 = { ...meter.life }
    const time = await seconds(4)
    expect(4 / time / idling(pipes, 2).published).toBeGreaterThan(0.5)
    expect(4 / time / idling(pipes, 2).published).toBeLessThan(1.3)
    const alive = meter.life.delivered - living2.delivered
    expect(alive / time).toBeGreaterThan(living(2).delivered / 2)
    expect(alive / time).toBeLessThan(living(2).delivered * 2)
  },
)

test('docs/SCALE.md has the tables that `node scripts/scale.mjs --write` makes', async () => {
  const document = readFileSync(new URL('../../../docs/SCALE.md', import.meta.url), 'utf8')
  expect(document.match(/<!-- table: /g)!.length).toBeGreaterThan(3)
  expect(await render(document)).toBe(document)
})
