import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SlicedWork, type Origin, type Steps } from '../src/limits/sliced-work.js'

/** Work that takes so many milliseconds, in small steps. */
function* busy(milliseconds: number, each = 0.05): Steps {
  for (let spent = 0; spent < milliseconds; spent += each) {
    const end = performance.now() + each
    while (performance.now() < end);
    yield
  }
}

function made(): SlicedWork {
  const work = new SlicedWork()
  onTestFinished(() => work.close())
  return work
}

/** Resolves when the work is done. */
const run = (work: SlicedWork, steps: Steps, origin?: Origin) =>
  new Promise<void>((resolve) => work.run(steps, resolve, origin))

/** Counts the turns of the event loop until something is over. */
async function turnsUntil(promise: Promise<unknown>): Promise<number> {
  let over = false
  void promise.then(() => (over = true))
  let turns = 0
  for (; !over; turns++) await turn()
  return turns
}

describe('sliced work', () => {
  test('that is short is done at once', () => {
    let done = false
    // without a step, for in between the processor may be given to others
    made().run(busy(0), () => (done = true))
    expect(done).toBe(true)
  })

  test('that is long leaves the event loop to others between slices', async () => {
    const work = made()
    let done = false
    const finished = run(work, busy(100)).then(() => (done = true))
    let turns = 0
    while (!done) {
      await turn()
      turns++
    }
    await finished
    expect(turns).toBeGreaterThan(5)
  })

  test('that is short does not wait for what is long', async () => {
    const work = made()
    const order: string[] = []
    const long = run(work, busy(100)).then(() => order.push('long'))
    const short = run(work, busy(0.1)).then(() => order.push('short'))
    await Promise.all([long, short])
    expect(order).toEqual(['short', 'long'])
  })

  test('row 52: that is short does not wait until each of 200 others has had its time', async () => {
    const work = made()
    let turns = 0
    const turnsOf = async (steps: Steps) => {
      await run(work, steps)
      return turns
    }
    const others = Promise.all(Array.from({ length: 200 }, () => turnsOf(busy(2))))
    let over = false
    const short = turnsOf(busy(0.05))
    const all = Promise.all([short, others]).then(() => (over = true))
    while (!over) {
      await turn()
      turns++
    }
    await all
    expect((await short) * 4).toBeLessThan(Math.max(...(await others)))
  })

  test('that is long goes on while short work keeps coming', async () => {
    const work = made()
    let done = false
    void run(work, busy(50)).then(() => (done = true))
    for (let n = 0; !done; n++) {
      expect(n).toBeLessThan(1_000)
      work.run(busy(0.1))
      await turn()
    }
  })

  test('is done one long piece after the other, for each holds what it has found', async () => {
    const work = made()
    const order: string[] = []
    function* noted(name: string): Steps {
      for (const step of busy(30)) {
        if (order.at(-1) !== name) order.push(name)
        yield step
      }
    }
    // each has a first look; then the first one goes on to its end
    await Promise.all(['a', 'b', 'c'].map((name) => run(work, noted(name))))
    expect(order.slice(-3)).toEqual(['a', 'b', 'c'])
  })

  test('of one group does not wait for all that another group has sent', async () => {
    const work = made()
    const others = Array.from({ length: 100 }, () => run(work, busy(3), { of: 'many' }))
    const own = turnsUntil(run(work, busy(3), { of: 'one' }))
    const all = turnsUntil(Promise.all(others))
    // a hundredth of the work
    expect((await own) * 5).toBeLessThan(await all)
  })

  test('that clients have sent all the time does not delay a client that has just come', async () => {
    const work = made()
    let left = 600
    const ended = new Promise<void>((resolve) => {
      for (let client = 0; client < 60; client++) {
        const next = () => (--left > 0 ? work.run(busy(1), next, { of: client }) : resolve())
        next()
      }
    })
    // each of them has had more than the newcomer will need
    for (let turns = 0; turns < 40; turns++) await turn()
    const own = turnsUntil(run(work, busy(0.7), { of: 'newcomer' }))
    const all = turnsUntil(ended)
    expect((await own) * 10).toBeLessThan(await all)
  })

  test('of a group is begun one long piece after the other, while groups take turns', async () => {
    const work = made()
    const order: string[] = []
    function* noted(name: string): Steps {
      for (const step of busy(60)) {
        if (order.at(-1) !== name) order.push(name)
        yield step
      }
    }
    const long = (name: string) => run(work, noted(name), { of: name[0] })
    await Promise.all(['a1', 'a2', 'b1', 'b2'].map(long))
    const first = (name: string) => order.lastIndexOf(name[0] + '1')
    for (const group of ['a', 'b']) {
      // after its first looks the second piece waits for the end of the first one
      const second = order.slice(0, first(group)).filter((name) => name === group + '2')
      expect(second.length).toBeLessThan(5)
      expect(order.filter((name) => name === group + '1').length).toBeGreaterThan(5)
    }
  })

  test('that begins with a large message lets small messages pass', async () => {
    const work = made()
    const order: string[] = []
    const bytes = 64 * 1_024
    function* parsed(name: string, milliseconds: number): Steps {
      order.push(name)
      // one step: parsing does not divide
      yield* busy(milliseconds, milliseconds)
    }
    const large = Array.from({ length: 20 }, (_, n) =>
      run(work, parsed('large', 10), { of: n, bytes }),
    )
    await turn()
    const small = run(work, parsed('small', 0.1), { of: 'small', bytes: 100 })
    await Promise.all([...large, small])
    expect(order.indexOf('small')).toBeLessThan(5)
  })

  test('waits for a promise, and lets others work meanwhile', async () => {
    const work = made()
    let resolve = () => {}
    const event = new Promise<void>((settle) => (resolve = settle))
    const order: string[] = []
    function* waiting(): Steps {
      order.push('before')
      yield event
      order.push('after')
    }
    const finished = run(work, waiting())
    await run(work, busy(0.1))
    order.push('meanwhile')
    resolve()
    await finished
    expect(order).toEqual(['before', 'meanwhile', 'after'])
  })

  test('that is begun by what is done does not grow the stack', async () => {
    const work = made()
    await new Promise<void>((resolve) => {
      let left = 50_000
      const next = () => {
        if (--left === 0) resolve()
        else work.run(busy(0), next)
      }
      next()
    })
  })

  test('is forgotten when it is closed, also what waits for a promise', async () => {
    const work = made()
    const order: string[] = []
    function* waiting(): Steps {
      yield Promise.resolve()
      order.push('after')
    }
    work.run(waiting(), () => order.push('done'))
    work.run(busy(50), () => order.push('done'))
    work.close()
    work.run(busy(0.1), () => order.push('done'))
    for (let n = 0; n < 10; n++) await turn()
    expect(order).toEqual([])
  })
})
