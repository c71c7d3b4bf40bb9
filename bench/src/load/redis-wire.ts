import { openSocket } from './load-socket.js'
import type { Wire } from './wire.js'

/** A command or a message in the protocol of Redis: a list of strings, each with its length. */
function list(...parts: readonly (string | Buffer)[]): Buffer {
  const strings = parts.flatMap((part) => [
    Buffer.from(`$${part.length}\r\n`),
    Buffer.from(part),
    Buffer.from('\r\n'),
  ])
  return Buffer.concat([Buffer.from(`*${parts.length}\r\n`), ...strings])
}

const subscribed = (topic: string) => list('subscribe', topic).length + ':1\r\n'.length

/**
 * The floor of what goes through Redis: each message is published on the topic of its receiver, who
 * has subscribed to it. Publishing is on a connection of its own, which is told not to answer.
 */
export const redis: Wire = {
  async open(target, own) {
    const publisher = await openSocket(target)
    publisher.write(list('CLIENT', 'REPLY', 'OFF'))
    const subscriber = await openSocket(target)
    subscriber.write(list('SUBSCRIBE', own))
    await subscriber.arrival(subscribed(own), 'the subscription')
    subscriber.onBytes = (count, bytes) => publisher.deliver(count, bytes)
    subscriber.onClose = () => publisher.socket.destroy()
    return publisher
  },
  message: (payload, _own, other) => list('PUBLISH', other, Buffer.alloc(payload, 'm')),
  arriving: (payload, _own, other) => list('message', other, Buffer.alloc(payload)).length,
  ahead: 1024 * 1024,
}
