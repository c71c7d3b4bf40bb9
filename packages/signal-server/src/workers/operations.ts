/** What a member of the bus asks for; a publication is what subscribers get, too. */
export type Operation =
  | { t: 'subscribe' | 'unsubscribe'; topic: string }
  | { t: 'publish'; topic: string; message: Uint8Array }

/**
 * Operations in order, as they travel between processes: by columns, for thousands of small objects
 * would cost more than what is in them.
 */
export interface Batch {
  t: 'batch'
  /** A letter for each. */
  kinds: string
  topics: string[]
  /** Of the publications among them. */
  messages: Uint8Array[]
}

const letters = { subscribe: 's', unsubscribe: 'u', publish: 'p' } as const

/** An empty batch. */
export const newBatch = (): Batch => ({ t: 'batch', kinds: '', topics: [], messages: [] })

/** Adds an operation to a batch that has not been sent. */
export function append(batch: Batch, operation: Operation): void {
  batch.kinds += letters[operation.t]
  batch.topics.push(operation.topic)
  if (operation.t === 'publish') batch.messages.push(operation.message)
}

/** The operations of a batch, in order. */
export function* operationsOf({ kinds, topics, messages }: Batch): Generator<Operation, void> {
  let n = 0
  for (const [i, topic] of topics.entries()) {
    const kind = kinds[i]
    if (kind === letters.publish) yield { t: 'publish', topic, message: messages[n++]! }
    else yield { t: kind === letters.subscribe ? 'subscribe' : 'unsubscribe', topic }
  }
}
