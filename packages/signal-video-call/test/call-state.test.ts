import { expect, test } from 'vitest'
import { judgeOffer, type CallState } from '../src/page/call-state.js'
import { parseSaid } from '../src/page/said.js'

const description = { type: 'offer' as const, sdp: 'v=0' }
const ringing: CallState = { is: 'ringing', peer: 'bob', call: '1', offer: description }

test.each<[CallState, string, string]>([
  [{ is: 'idle' }, 'bob', 'ring'],
  [{ is: 'calling', peer: 'carol', call: '1' }, 'bob', 'busy'],
  [{ is: 'talking', peer: 'carol', call: '1' }, 'bob', 'busy'],
  [ringing, 'carol', 'busy'],
  // who calls once more has started anew
  [ringing, 'bob', 'ring'],
  [{ is: 'talking', peer: 'bob', call: '1' }, 'bob', 'ring'],
  // both call each other: the lower id's offer counts
  [{ is: 'calling', peer: 'bob', call: '1' }, 'bob', 'ignore'],
  [{ is: 'calling', peer: 'aaron', call: '1' }, 'aaron', 'accept at once'],
])('an offer that comes to alice while she is %o, from %s: %s', (state, from, verdict) => {
  expect(judgeOffer(state, 'alice', from)).toBe(verdict)
})

test('what others send is read for what it is, and nothing else', () => {
  const call = '1'
  expect(parseSaid({ call, say: 'offer', description: { sdp: 'x', more: 1 } })).toEqual({
    call,
    say: 'offer',
    description: { type: 'offer', sdp: 'x' },
  })
  expect(parseSaid({ call, say: 'refused' })).toEqual({ call, say: 'refused', why: 'declined' })
  for (const nothing of [
    null,
    'over',
    7,
    [],
    {},
    { say: 'over' },
    { call: 7, say: 'over' },
    { call, say: 'shout' },
    { call, say: 'offer' },
    { call, say: 'answer', description: { sdp: 7 } },
    { call, say: 'candidate', candidate: 'x' },
  ]) {
    expect(parseSaid(nothing)).toBeUndefined()
  }
})
