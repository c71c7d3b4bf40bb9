import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { carried, restored } from '../src/rooms/carried.js'

const name = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'bytes', 'value'))
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.string(),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.tuple(name, tie('value')), { maxLength: 5 }).map((all) => Object.fromEntries(all)),
  ),
}))

test('whatever a client of socket.io can send is the same on another instance', () => {
  fc.assert(
    fc.property(value, (value) => {
      const travelled = JSON.parse(JSON.stringify(carried(value)))
      // not as vitest compares, which looks at a field "constructor" as well
      deepStrictEqual(restored(travelled), value)
    }),
    { numRuns: 500 },
  )
})

test('fields without a value are left out', () => {
  expect(carried({ a: undefined, b: [undefined, 1] })).toEqual({ value: { b: [null, 1] } })
})

test.each([
  [null],
  [7],
  [{ value: {}, bytes: [[['missing'], 'AA==']] }],
  [{ value: {}, bytes: [[['__proto__'], 'AA==']] }],
  [{ value: {}, bytes: [[['constructor', 'prototype', 'x'], 'AA==']] }],
  [{ value: 'text', bytes: [[['length'], 'AA==']] }],
  [{ value: {}, bytes: 7 }],
  [{ value: {}, bytes: [null] }],
])('%j, which no instance has made, is refused, and touches no prototype', (json) => {
  let threw = false
  try {
    restored(json)
  } catch {
    threw = true
  }
  expect(threw || json === 7).toBe(true)
  expect(Object.hasOwn(Object.prototype, 'x')).toBe(false)
})
