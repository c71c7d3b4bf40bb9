import { SignalError } from './errors.js'
import type { Inbox } from './inbox.js'
import { whyLeft } from './ending.js'
import { sizeOf, type RawSocket, type Sendable } from './raw-socket.js'

declare global {
  // names that a project without the DOM's types would miss; where they exist, this adds nothing
  /* eslint-disable @typescript-eslint/no-empty-object-type, @typescript-eslint/no-explicit-any,
     @typescript-eslint/no-unused-vars */
  interface ReadableStream<R = any> {}
  interface WritableStream<W = any> {}
  /* eslint-enable */
}

/** What a pipe gives as a stream; a chunk is a message. Bytes are a `Uint8Array<ArrayBuffer>`. */
export type Chunk = string | ReturnType<typeof Uint8Array.of>

/**
 * A pipe as WHATWG streams; a chunk is a message. What is not read holds the sender back, and what
 * the network does not take holds the writer back (where the platform allows: see README, Streams).
 * Closing or cancelling either of the two closes the pipe. Where the pipe was closed, `readable`
 * ends; where it was lost, both fail with a {@link SignalError} `lost`.
 *
 * It can be looped over as well, until the pipe is closed; leaving the loop closes it.
 */
export interface PipeStream extends AsyncIterable<Chunk> {
  readonly readable: ReadableStream<Chunk>
  readonly writable: WritableStream<Sendable>
}

// a write waits while more than this waits for the network
const highMark = 256 * 1024
// a browser's WebSocket does not tell when its queue has gone out
const lookAgainAfter = 10

/**
 * @param close - closes the pipe
 * @returns the stream, and what tells it that something has come or ended
 */
export function createStream(raw: RawSocket, inbox: Inbox, close: () => void) {
  const waiting: (() => void)[] = []
  let writing: WritableStreamDefaultController | undefined
  const lost = () => new SignalError('lost', 'The pipe has ended.')
  const news = () => {
    for (const wake of waiting.splice(0)) wake()
    if (inbox.ending) writing?.error(lost())
  }
  const nextNews = () => new Promise<void>((resolve) => waiting.push(resolve))

  async function* read() {
    try {
      for (;;) {
        while (inbox.isEmpty && !inbox.ending) await nextNews()
        const message = inbox.take()
        if (message !== undefined) {
          yield typeof message === 'string' ? message : new Uint8Array(message)
        } else if (whyLeft(inbox.ending!) === 'closed') return
        else throw lost()
      }
    } finally {
      // where the app has left its loop
      close()
    }
  }
  const messages = read()

  const stream: PipeStream = {
    [Symbol.asyncIterator]: () => messages,
    readable: new ReadableStream(
      {
        async pull(controller) {
          const { value, done } = await messages.next()
          if (done) controller.close()
          else controller.enqueue(value)
        },
        cancel: close,
      },
      // reads only what is asked for
      { highWaterMark: 0 },
    ),
    writable: new WritableStream({
      start(controller) {
        writing = controller
      },
      async write(message: Sendable) {
        sizeOf(message)
        if (raw.readyState !== 1) throw lost()
        raw.send(message, news)
        while (raw.bufferedAmount > highMark && raw.readyState === 1) {
          if (!raw.pause) setTimeout(news, lookAgainAfter)
          await nextNews()
        }
      },
      close,
      abort: close,
    }),
  }
  return { stream, news }
}
