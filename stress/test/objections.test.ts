import { expect, it } from 'vitest'
import { objections, type Observation } from '../src/judges/objections.js'

const idle: Observation = {
  turn: 5,
  wait: 30,
  waitedAt: '/rtc',
  rss: 80e6,
  counted: 0,
  faults: [],
}

it('has nothing against what an idle server does, and a little more', () => {
  const seen = { ...idle, turn: 50, wait: 300, rss: 120e6 }
  expect(objections(idle, seen, { '/rtc': { took: 5 } }, { '/rtc': { took: 100 } })).toEqual([])
})

it.each<[string, Partial<Observation>, RegExp]>([
  ['a turn that blocks the event loop', { turn: 3_000 }, /^Event loop: .*3000 ms/],
  ['a bystander that waits', { wait: 4_000, waitedAt: '/call' }, /^Bystander at \/call.*4000 ms/],
  ['memory that is not counted', { rss: 400e6, counted: 4e6 }, /^Memory: 400 MB with 4 MB counted/],
  ['what a bystander heard from a stranger', { faults: ['a stranger'] }, /^a stranger$/],
])('objects to %s', (_name, seen, sentence) => {
  expect(objections(idle, { ...idle, ...seen })).toEqual([expect.stringMatching(sentence)])
})

it('accepts memory that the server counts', () => {
  expect(objections(idle, { ...idle, rss: 200e6, counted: 60e6 })).toEqual([])
})

it('objects to a newcomer that is refused, or served late', () => {
  const welcomes = { '/rtc': { took: 1, refused: 'server_full' }, rooms: { took: 9_000 } }
  const sentences = objections(idle, idle, { rooms: { took: 20 } }, welcomes)
  expect(sentences).toEqual([
    'Newcomer, /rtc: server_full',
    'Newcomer, rooms: served only after 9000 ms; idle 20 ms.',
  ])
})
