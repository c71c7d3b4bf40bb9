import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { carried, restored } from '../src/rooms/carried.js'

const name = fc.oneof(
  fc.string(),
  fc.constantFrom('__proto__', 'constructor', '$bytes', '$$bytes', 'bytes'),
)
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
  expect(carried({ a: undefined, b: [undefined, 1] })).toEqual({ b: [null, 1] })
})

test('takes no more than the client has sent, however deep and often it has bytes', () => {
  const placeholder = '{"_placeholder":true,"num":0}'
  const name = 'x'.repeat(30_000)
  const often = { [name]: Array<Buffer>(1_000).fill(Buffer.alloc(0)) }
  const sent = name.length + 1_000 * placeholder.length
  expect(JSON.stringify(carried(often)).length).toBeLessThan(sent)
  const large = Buffer.alloc(30_000)
  expect(JSON.stringify(carried([[[large]]])).length).toBeLessThan(1.4 * large.length)
})

const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as never

test.each([
  ['bytes that are no text', { $bytes: { length: 4_294_967_296 } }],
  ['bytes of a number', [{ $bytes: 4_294_967_296 }]],
  ['what is nested deeper than any value of a client', nested(20_000)],
])('%s is refused: no instance has made it', (_what, json) => {
  expect(() => restored(json as never)).toThrow(TypeError)
})
