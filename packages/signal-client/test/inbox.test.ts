import { expect, test } from 'vitest'
import { createInbox } from '../src/inbox.js'

/** Counts how often it was paused and resumed. */
function pausable() {
  const calls: string[] = []
  return { calls, pause: () => calls.push('pause'), resume: () => calls.push('resume') }
}

test('messages come out in order, and undefined where there is none', () => {
  const inbox = createInbox({}, () => {})
  inbox.add('one')
  inbox.add('')
  expect([inbox.take(), inbox.take(), inbox.take()]).toEqual(['one', '', undefined])
})

test('the socket is paused while much waits, and resumed when half of it is taken', () => {
  const socket = pausable()
  const inbox = createInbox(socket, () => {})
  const message = new ArrayBuffer(10_000)
  for (let n = 0; n < 20; n++) expect(inbox.add(message)).toBe(true)
  expect(socket.calls).toEqual(['pause'])
  for (let n = 0; n < 20; n++) inbox.take()
  expect(socket.calls).toEqual(['pause', 'resume'])
  expect(inbox.isEmpty).toBe(true)
})

test('many small messages are much, too', () => {
  const socket = pausable()
  const inbox = createInbox(socket, () => {})
  for (let n = 0; n < 1_000; n++) inbox.add('')
  expect(socket.calls).toEqual(['pause'])
})

test('a socket that cannot pause may fill it with 16 MiB, and not with more', () => {
  const inbox = createInbox({}, () => {})
  const message = new ArrayBuffer(1024 * 1024)
  let taken = 0
  while (taken < 100 && inbox.add(message)) taken++
  expect(taken).toBe(16)
  inbox.take()
  expect(inbox.add(message)).toBe(true)
})

test('its end is the first one, and what waits can still be taken', () => {
  let news = 0
  const inbox = createInbox({}, () => news++)
  inbox.add('last words')
  inbox.end({ code: 4000, reason: 'first' })
  inbox.end({ code: 1006, reason: 'second' })
  expect(inbox.ending).toEqual({ code: 4000, reason: 'first' })
  expect(inbox.take()).toBe('last words')
  expect(news).toBe(3)
})
