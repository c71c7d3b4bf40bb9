import { CloseCode } from 'signal-server-protocol'
import { expect, test } from 'vitest'
import * as ending from '../src/ending.js'

test('the close codes are those of the protocol', () => {
  const { unauthorized, forbidden, peerGone, tooBig } = CloseCode
  expect(ending).toMatchObject({ unauthorized, forbidden, peerGone, tooBig })
})

test.each([1000, 1001, 1005, 3000, 4000, 4399, 4500, 4999])(
  'a pipe that ends with %d was closed',
  (code) => expect(ending.whyLeft({ code, reason: '' })).toBe('closed'),
)

test.each([
  1002, 1003, 1006, 1007, 1008, 1009, 1011, 1012, 1013, 1014, 4400, 4401, 4403, 4408, 4410, 4429,
  4499,
])('a pipe that ends with %d is lost', (code) =>
  expect(ending.whyLeft({ code, reason: '' })).toBe('lost'),
)

test('a pipe that ends with 1001 comes back, though it was closed', () => {
  const codes = [1000, 1001, 1005, 1011, 3000, CloseCode.superseded]
  const back = codes.filter((code) => ending.comesBack({ code, reason: '' }))
  expect(back).toEqual([1001, 1011])
})

test('a pipe that ends with 4409 was replaced', () => {
  expect(ending.whyLeft({ code: CloseCode.superseded, reason: '' })).toBe('replaced')
})
