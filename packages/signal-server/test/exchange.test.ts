import type { Json } from 'signal-server-protocol'
import {
  Exchange,
  LocalBus,
  SignalServer,
  Unreachable,
  type Bus,
  type Endpoint,
  type ExchangeHandler,
} from 'signal-server'
import { FaultyBus } from 'signal-server/testing'
import { expect, onTestFinished, test } from 'vitest'

/** A server whose endpoint has nothing but an exchange. */
function instance(
  bus: Bus,
  handler?: Partial<ExchangeHandler>,
  server = new SignalServer({ bus }),
) {
  let exchange: Exchange | undefined
  const heard: Json[] = []
  server.use(({ instances }): Endpoint => {
    if (handler) {
      exchange = new Exchange(instances!, 'test')
      exchange.serve({
        answer: (question) => ['answered', question],
        heard: (news) => void heard.push(news),
        ...handler,
      })
    }
    return {
      name: 'test',
      match: () => undefined,
      accept: () => {},
      drain: () => Promise.resolve(),
      close: () => exchange?.close(),
      stats: () => ({}),
    }
  })
  onTestFinished(() => server.close())
  return { server, heard, exchange: exchange! }
}

const answers = async (exchange: Exchange, question: Json) =>
  (await exchange.ask(question)).map(({ answer }) => answer)

test('every other instance answers a question, and hears news, as does one alone', async () => {
  const bus = new LocalBus()
  const [one, two, three] = [instance(bus, {}), instance(bus, {}), instance(bus, {})]
  const answered = await one.exchange.ask('q')
  expect(answered.map(({ answer }) => answer)).toEqual([
    ['answered', 'q'],
    ['answered', 'q'],
  ])
  expect(new Set(answered.map(({ instance }) => instance)).size).toBe(2)
  one.exchange.tell('to all')
  for (const { instance } of answered) one.exchange.tell(`to ${instance}`, instance)
  await answers(one.exchange, 'after the news')
  expect(one.heard).toEqual([])
  for (const { heard } of [two, three]) {
    expect(heard[0]).toBe('to all')
    expect(heard).toHaveLength(2)
  }
})

test('an instance without the endpoint, and one that has said goodbye, are not asked', async () => {
  const bus = new LocalBus()
  const one = instance(bus, {})
  instance(bus)
  const leaving = instance(bus, {})
  expect(await answers(one.exchange, 1)).toHaveLength(1)
  await leaving.server.close()
  expect(await answers(one.exchange, 2)).toEqual([])
})

test('an instance that closes while it is asked is not waited for', async () => {
  const bus = new LocalBus()
  const one = instance(bus, {})
  let asked = () => {}
  const reached = new Promise<void>((resolve) => (asked = resolve))
  const leaving = instance(bus, {
    answer: () => {
      asked()
      return new Promise<Json>(() => {})
    },
  })
  instance(bus, {})
  const answer = answers(one.exchange, 'q')
  await reached
  await leaving.server.close()
  expect(await answer).toEqual([['answered', 'q']])
})

test('a question to an instance that gives no answer fails after 5 s, and others are answered', async () => {
  const bus = new LocalBus()
  const one = instance(bus, {})
  const silent = instance(bus, { answer: () => Promise.reject(new Error('malformed')) })
  await expect(one.exchange.ask('q')).rejects.toThrow(Unreachable)
  expect(await answers(silent.exchange, 'q')).toEqual([['answered', 'q']])
})

test('an instance that has just started is answered by all that were there', async () => {
  const bus = new LocalBus()
  const there = Array.from({ length: 5 }, () => instance(bus, {}))
  await Promise.all(there.map(({ exchange }) => exchange.ask('settled')))
  const started = instance(bus, {})
  expect(await answers(started.exchange, 'q')).toHaveLength(5)
})

test('an endpoint that is added later knows at once who answers', async () => {
  const bus = new LocalBus()
  const one = instance(bus, {})
  const server = new SignalServer({ bus })
  await one.exchange.ask('settled')
  const added = instance(bus, {}, server)
  expect(await answers(added.exchange, 'q')).toHaveLength(1)
  expect(await answers(one.exchange, 'q')).toHaveLength(1)
})

test('an answer that is enough is not waited for longer', async () => {
  const bus = new LocalBus()
  const one = instance(bus, {})
  instance(bus, { answer: () => new Promise<Json>(() => {}) })
  instance(bus, {})
  const answered = await one.exchange.ask('q', (answer) => Array.isArray(answer))
  expect(answered).toHaveLength(1)
})

test('nobody is asked while the bus is down, nor by an exchange that is closed', async () => {
  const bus = new FaultyBus(new LocalBus())
  const one = instance(bus, {})
  instance(bus, { answer: () => new Promise<Json>(() => {}) })
  const asked = one.exchange.ask('never answered')
  asked.catch(() => {})
  bus.cut()
  await expect(one.exchange.ask('q')).rejects.toThrow(Unreachable)
  await expect(asked).rejects.toThrow(Unreachable)
  bus.mend()
  const another = one.exchange.ask('never answered either')
  another.catch(() => {})
  await one.server.close()
  await expect(another).rejects.toThrow(Unreachable)
})
