import { text, type Socket } from './socket.js'

/** Sees that two sockets are joined: each gets what the other sends, and nothing before that. */
export async function expectJoined(a: Socket, b: Socket): Promise<void> {
  a.send(text('from a'))
  b.send(text('from b'))
  await b.expect(text('from a'))
  await a.expect(text('from b'))
}
