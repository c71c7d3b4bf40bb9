import { createAdapter } from '@socket.io/redis-adapter'

/** What is used of an `ioredis` client. */
export interface RedisClient {
  readonly status: string
  /** Makes a client of its own, with the same settings. */
  duplicate(options: {
    lazyConnect: boolean
    enableOfflineQueue?: boolean
    autoResubscribe?: boolean
  }): RedisClient
  call(command: string, ...args: string[]): Promise<unknown>
  publish(channel: string, message: string | Buffer): Promise<unknown>
  subscribe(...channels: string[]): Promise<unknown>
  psubscribe(...patterns: string[]): Promise<unknown>
  on(event: string, listener: (...args: unknown[]) => void): unknown
  off(event: string, listener: (...args: unknown[]) => void): unknown
  disconnect(): void
}

/** The adapter of socket.io, and whether what it asks of Redis can be answered. */
export interface SharedRooms {
  adapter: ReturnType<typeof createAdapter>
  readonly up: boolean
  close(): void
}

type Listener = (...args: unknown[]) => unknown

/** A listener that does not fail, whatever somebody publishes: an error would end the process. */
const guarded =
  (listener: Listener, fault: (error: unknown) => void): Listener =>
  async (...args) => {
    try {
      await listener(...args)
    } catch (error) {
      fault(error)
    }
  }

// a room is asked about once in a request: slower than this, and its client is told to try again
const answerTime = 5_000

/**
 * Joins the rooms of several instances by socket.io's own adapter for Redis. It leaves the promises
 * of its commands alone, so one that fails would end the process, and it would queue without a
 * bound while Redis is away: it is given clients that do neither.
 */
export function sharedRooms(client: RedisClient, fault: (error: unknown) => void): SharedRooms {
  const publisher = client.duplicate({ lazyConnect: false, enableOfflineQueue: false })
  const subscriber = client.duplicate({ lazyConnect: false, autoResubscribe: false })
  const dropped = () => undefined
  for (const each of [publisher, subscriber]) each.on('error', fault)

  const channels: string[] = []
  const patterns: string[] = []
  // until then this instance hears nothing, and does not count among those that are asked
  let subscribed = false
  subscriber.on('ready', () => {
    Promise.all([subscriber.subscribe(...channels), subscriber.psubscribe(...patterns)]).then(
      () => (subscribed = true),
      fault,
    )
  })
  subscriber.on('close', () => (subscribed = false))

  const pub = {
    publish: (channel: string, message: string | Buffer) =>
      publisher.publish(channel, message).catch(dropped),
    send_command: (
      command: string,
      args: string[],
      done: (error: unknown, answer?: unknown) => void,
    ) => {
      publisher.call(command, ...args).then((answer) => done(null, answer), done)
    },
    on: dropped,
    off: dropped,
  }
  const sub = {
    subscribe: (names: string[]) => channels.push(...names),
    psubscribe: (pattern: string) => patterns.push(pattern),
    // they end with the connection
    unsubscribe: dropped,
    punsubscribe: dropped,
    on: (event: string, listener: Listener) => subscriber.on(event, guarded(listener, fault)),
    // they end with the connection, too
    off: dropped,
  }
  return {
    adapter: createAdapter(pub, sub, { key: 'signal-rooms', requestsTimeout: answerTime }),
    get up() {
      return subscribed && publisher.status === 'ready'
    },
    close: () => {
      publisher.disconnect()
      subscriber.disconnect()
    },
  }
}
