import { Fifo, type SlicedWork, type Steps } from 'signal-server'
import type { RoomServer } from './socket.js'
import { appOf } from './standing.js'

interface Item {
  readonly event: string
  readonly data: unknown
  readonly to: Receivers
}

/** The members that are told: all but one, or one. */
type Receivers = { readonly but?: string } | { readonly only: string }

const together = 50

/**
 * Tells the members of a room on this instance what is new, in slices: a room may have 500 of them.
 * Each member is told everything of a room in order, and what others send it stands in that order.
 */
export class RoomNews {
  readonly #queues = new Map<string, Fifo<Item>>()

  constructor(
    private readonly io: RoomServer,
    private readonly work: SlicedWork,
  ) {}

  /** Tells members of a room who are here. */
  tell(key: string, event: string, data: unknown, to: Receivers = {}): void {
    const item = { event, data, to }
    const queue = this.#queues.get(key)
    if (queue) return queue.push(item)
    const of = appOf(key)
    const own = new Fifo<Item>()
    own.push(item)
    this.#queues.set(key, own)
    // those of an app wait for each other, and not for other apps
    this.work.run(this.#steps(key, own), undefined, { of })
  }

  /** Whether a room has members here. */
  has(key: string): boolean {
    return this.io.of('/').adapter.rooms.has(key)
  }

  *#steps(key: string, queue: Fifo<Item>): Steps {
    for (let item; (item = queue.shift());) {
      const { event, data, to } = item
      const members = 'only' in to ? [to.only] : this.#members(key).filter((id) => id !== to.but)
      for (let at = 0; at < members.length; at += together) {
        this.io.to(members.slice(at, at + together)).emit(event, data)
        yield
      }
    }
    this.#queues.delete(key)
  }

  /** Clients that only claim the room stand in it for socket.io, and must not hear of it. */
  #members(key: string): string[] {
    const { adapter, sockets } = this.io.of('/')
    const isMember = (id: string) => {
      const standing = sockets.get(id)?.data.rooms[key]
      return standing !== undefined && !standing.claim
    }
    return [...(adapter.rooms.get(key) ?? [])].filter(isMember)
  }
}
