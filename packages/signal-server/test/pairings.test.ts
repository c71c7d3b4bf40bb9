import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Pairings } from '../src/connection/pairing/pairings.js'
import { Place, reciprocal } from '../src/connection/pairing/place.js'

const place = (localId: string, remoteId: string, key = 'k', app = '') =>
  new Place({ app, localId, remoteId, key })
const ab = place('a', 'b')
const ba = place('b', 'a')

interface Pair {
  sides: readonly [Connection, Connection]
}

/** A connection as far as pairing is concerned. */
class Connection {
  state: 'waits' | 'paired' | 'told' = 'waits'
  pair: Pair | undefined

  constructor(
    readonly number: number,
    readonly place: Place,
  ) {}
}

/** Does with requests what the endpoint does, without sockets. */
class Desk {
  readonly pairings = new Pairings<Connection, Pair>()
  #number = 0

  connect(place: Place): Connection {
    const connection = new Connection(this.#number++, place)
    const { partner, superseded, ended } = this.pairings.request(place)
    if (superseded) superseded.state = 'told'
    if (ended) this.#tell(ended)
    if (partner) {
      const pair: Pair = { sides: [partner, connection] }
      for (const side of pair.sides) Object.assign(side, { state: 'paired', pair })
      this.pairings.paired(place, pair)
    } else {
      this.pairings.waits(place, connection)
    }
    return connection
  }

  /** The connection is over: closed, reset or timed out. Nothing happens the second time. */
  end(connection: Connection): void {
    const { pair, place } = connection
    if (connection.state === 'waits') this.pairings.removeWaiter(place, connection)
    else if (pair) this.pairings.removePair(place, pair)
    if (pair) this.#tell(pair)
    connection.state = 'told'
  }

  #tell({ sides }: Pair): void {
    for (const side of sides) side.state = 'told'
  }
}

describe('a place', () => {
  const waiting = (desk: Desk) => desk.connect(ab)
  const paired = (desk: Desk) => {
    const first = desk.connect(ab)
    desk.connect(ba)
    return first
  }

  test('that is empty: a request waits there', () => {
    const desk = new Desk()
    expect(desk.pairings.occupied(ab)).toBe(false)
    expect(waiting(desk).state).toBe('waits')
    expect(desk.pairings).toMatchObject({ waiting: 1, pairs: 0 })
    expect(desk.pairings.occupied(ab)).toBe(true)
    expect(desk.pairings.occupied(ba)).toBe(false)
  })

  test('that waits: a request at its reciprocal place makes them a pair', () => {
    const desk = new Desk()
    const first = waiting(desk)
    const second = desk.connect(ba)
    expect([first.state, second.state]).toEqual(['paired', 'paired'])
    expect(first.pair).toBe(second.pair)
    expect(desk.pairings).toMatchObject({ waiting: 0, pairs: 1 })
  })

  test('row 21: that waits: a second request there takes its place', () => {
    const desk = new Desk()
    const older = waiting(desk)
    const newer = desk.connect(ab)
    expect([older.state, newer.state]).toEqual(['told', 'waits'])
    const partner = desk.connect(ba)
    expect(newer.pair).toBe(partner.pair)
    expect(older.pair).toBeUndefined()
  })

  test.each([
    ['there', ab],
    ['at its reciprocal place', ba],
  ])('row 22: that is paired: a request %s ends the pair and waits', (_where, where) => {
    const desk = new Desk()
    const { pair } = paired(desk)
    const newcomer = desk.connect(where)
    expect(pair!.sides.map(({ state }) => state)).toEqual(['told', 'told'])
    expect(newcomer.state).toBe('waits')
    expect(desk.pairings).toMatchObject({ waiting: 1, pairs: 0 })
    const other = desk.connect(reciprocal(where))
    expect(other.pair).toBe(newcomer.pair)
  })

  test('row 24: that waited and was left is empty, and a late end of the older changes nothing', () => {
    const desk = new Desk()
    const older = waiting(desk)
    const newer = desk.connect(ab)
    desk.end(older)
    expect(newer.state).toBe('waits')
    expect(desk.pairings.occupied(ab)).toBe(true)
    desk.end(newer)
    expect(desk.pairings.occupied(ab)).toBe(false)
    expect(desk.connect(ba).state).toBe('waits')
  })

  test('that was paired: the late end of an old pair leaves the new one alone', () => {
    const desk = new Desk()
    const old = paired(desk)
    const back = desk.connect(ab)
    const partner = desk.connect(ba)
    expect(desk.pairings.removePair(ab, old.pair!)).toBe(false)
    expect([back.state, partner.state]).toEqual(['paired', 'paired'])
    expect(desk.pairings.pairs).toBe(1)
  })

  test.each([
    ['ids with a colon', place('a:b', 'c'), place('c', 'a:b'), place('a', 'b:c')],
    [
      'a key that looks like an id',
      place('a', 'b', 'k'),
      place('b', 'a', 'k'),
      place('b', 'k', 'a'),
    ],
    ['another app', place('a', 'b', 'k', 'one'), place('b', 'a', 'k', 'one'), place('b', 'a')],
    ['names of Object', place('__proto__', 'constructor'), place('constructor', '__proto__'), ba],
    ['quotes', place('"', '","'), place('","', '"'), place('","', '",')],
  ])('is a tuple: %s', (_what, first, partner, stranger) => {
    const desk = new Desk()
    const waits = desk.connect(first)
    expect(desk.connect(stranger).state).toBe('waits')
    expect(desk.connect(partner).pair).toBe(waits.pair)
  })
})

/** What the table in pairings.ts says, on its own: the last word on each place. */
interface Model {
  /** Number of the connection that waits at a place, by the place's number. */
  waiting: Map<number, number>
  /** Numbers of two connections, by the number of the place of the first and of the second. */
  pairs: Map<number, readonly [number, number]>
  connections: { at: number; told: boolean }[]
}

interface Real {
  desk: Desk
  connections: Connection[]
}

const places = ['a', 'b', 'c'].flatMap((localId) =>
  ['a', 'b', 'c']
    .filter((remoteId) => remoteId !== localId)
    .flatMap((remoteId) => ['k', 'l'].map((key) => place(localId, remoteId, key))),
)
const reciprocals = places.map((here) =>
  places.findIndex((there) => JSON.stringify(there) === JSON.stringify(reciprocal(here))),
)

function expectSame(model: Model, { desk, connections }: Real): void {
  expect(desk.pairings.waiting).toBe(model.waiting.size)
  expect(desk.pairings.pairs).toBe(model.pairs.size / 2)
  for (const [at, here] of places.entries()) {
    expect(desk.pairings.occupied(here)).toBe(model.waiting.has(at) || model.pairs.has(at))
  }
  for (const [number, { at, told }] of model.connections.entries()) {
    const { state } = connections[number]!
    const paired = model.pairs.get(at)?.includes(number) ?? false
    expect(state).toBe(told ? 'told' : paired ? 'paired' : 'waits')
    // nobody is in two states, or in none
    expect([told, paired, model.waiting.get(at) === number].filter(Boolean)).toHaveLength(1)
  }
}

class Connect implements fc.Command<Model, Real> {
  constructor(readonly at: number) {}

  check = () => true

  run(model: Model, real: Real): void {
    const { at } = this
    const other = reciprocals[at]!
    const number = model.connections.length
    const pair = model.pairs.get(at)
    const partner = model.waiting.get(other)
    const older = model.waiting.get(at)
    model.connections.push({ at, told: false })
    if (pair) {
      for (const side of pair) model.connections[side]!.told = true
      for (const side of [at, other]) model.pairs.delete(side)
    }
    if (!pair && partner !== undefined) {
      model.waiting.delete(other)
      for (const side of [at, other]) model.pairs.set(side, [partner, number])
    } else {
      if (older !== undefined) model.connections[older]!.told = true
      model.waiting.set(at, number)
    }
    real.connections.push(real.desk.connect(places[at]!))
    expectSame(model, real)
  }

  toString = () => `connect(${JSON.stringify(places[this.at])})`
}

/** A connection is over, whoever and whatever ended it; also one that was told so long ago. */
class End implements fc.Command<Model, Real> {
  constructor(
    readonly how: 'close' | 'reset' | 'time out' | 'supersede late',
    readonly which: number,
  ) {}

  check = (model: Readonly<Model>) => model.connections.length > 0

  run(model: Model, real: Real): void {
    const number = this.which % model.connections.length
    const { at } = model.connections[number]!
    const pair = model.pairs.get(at)
    if (model.waiting.get(at) === number) model.waiting.delete(at)
    if (pair?.includes(number)) {
      for (const side of pair) model.connections[side]!.told = true
      for (const side of [at, reciprocals[at]!]) model.pairs.delete(side)
    }
    model.connections[number]!.told = true
    real.desk.end(real.connections[number]!)
    expectSame(model, real)
  }

  toString = () => `${this.how}(${this.which})`
}

test('row 25: any interleaving of connect, pair, supersede, close, reset and time-out leaves each place empty, waiting or paired', () => {
  const commands = fc.commands<Model, Real>(
    [
      fc.nat(places.length - 1).map((at) => new Connect(at)),
      // few places: most requests meet somebody
      fc.nat(3).map((at) => new Connect(at)),
      fc
        .tuple(fc.constantFrom('close', 'reset', 'time out', 'supersede late'), fc.nat(40))
        .map(([how, which]) => new End(how, which)),
    ],
    { maxCommands: 60 },
  )
  fc.assert(
    fc.property(commands, (cmds) => {
      const setup = () => ({
        model: { waiting: new Map(), pairs: new Map(), connections: [] } as Model,
        real: { desk: new Desk(), connections: [] } as Real,
      })
      fc.modelRun(setup, cmds)
    }),
    { numRuns: 1_000 },
  )
})
