import { randomUUID } from 'node:crypto'
import { deserialize, serialize } from 'node:v8'
import type { Bus } from 'signal-server'

interface Question<Q> {
  id: number
  /** The topic where the answer is heard. */
  to: string
  content: Q
}

interface Answer<A> {
  id: number
  content: A
}

/**
 * Answers what is asked on a topic; resolves once it is heard.
 * @param fault - told why there is no answer
 */
export async function answerQuestions<Q, A>(
  bus: Bus,
  topic: string,
  fault: (error: Error) => void,
  answer: (question: Q) => A | Promise<A>,
): Promise<void> {
  const reply = async ({ id, to, content }: Question<Q>) => {
    bus.publish(to, serialize({ id, content: await answer(content) } satisfies Answer<A>))
  }
  await bus.subscribe(topic, (message) => {
    reply(deserialize(message) as Question<Q>).catch(fault)
  })
}

/** Asks over a bus. */
export class Questions {
  readonly #topic = `command:answers:${randomUUID()}`
  readonly #waiting = new Map<number, (answer: unknown) => void>()
  readonly #subscribed: Promise<unknown>
  #id = 0

  constructor(private readonly bus: Bus) {
    this.#subscribed = bus.subscribe(this.#topic, (message) => {
      const { id, content } = deserialize(message) as Answer<unknown>
      this.#waiting.get(id)?.(content)
    })
  }

  /**
   * Asks all who hear a topic.
   *
   * @param most - how many there are
   * @param patience - how long they may take, in milliseconds
   * @returns the answers of those who answered in time
   */
  async ask<Q, A>(topic: string, content: Q, most: number, patience: number): Promise<A[]> {
    await this.#subscribed
    if (most === 0) return []
    const id = ++this.#id
    const answers: A[] = []
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, patience)
      this.#waiting.set(id, (answer) => {
        if (answers.push(answer as A) < most) return
        clearTimeout(late)
        resolve()
      })
      this.bus.publish(topic, serialize({ id, to: this.#topic, content } satisfies Question<Q>))
    })
    this.#waiting.delete(id)
    return answers
  }
}
