import { expect, test } from 'vitest'
import { nextState, type LineEvent, type LineState } from '../src/line.js'

const states: LineState[] = ['idle', 'connecting', 'connected', 'asking', 'waiting', 'over']
const events: LineEvent[] = ['dial', 'wait', 'greeted', 'failed', 'lost', 'rest', 'end']

// what each event leads to; a dash where it means nothing
const table = `
           dial       wait    greeted   failed lost    rest end
idle       connecting waiting -         -      -       -    over
connecting -          -       connected asking waiting idle over
connected  -          -       -         -      waiting idle over
asking     connecting -       -         -      waiting idle over
waiting    connecting -       -         -      -       idle over
over       -          -       -         -      -       -    -
`

const rows = table
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split(/ +/))

test('the table has every state and every event', () => {
  expect(rows.map(([state]) => state)).toEqual(states)
  expect(table.trim().split('\n')[0]!.trim().split(/ +/)).toEqual(events)
})

test.each(
  rows.flatMap(([state, ...cells]) =>
    cells.map((cell, at) => [state!, events[at]!, cell] as const),
  ),
)('%s, %s: %s', (state, event, to) => {
  expect(nextState(state as LineState, event) ?? '-').toBe(to)
})

test('nothing leads out of the end', () => {
  for (const event of events) expect(nextState('over', event)).toBeUndefined()
})

test('every state but the end can be ended', () => {
  for (const state of states.slice(0, -1)) expect(nextState(state, 'end')).toBe('over')
})
