import type { Json } from 'signal-server-protocol'
import type { Instances } from './instances.js'

/** An answer, and the instance that gave it. */
export interface Answer {
  readonly instance: string
  readonly answer: Json
}

/** What an endpoint does with the messages of its {@link Exchange}; they may have any shape. */
export interface ExchangeHandler {
  /** Answers a question of another instance. If it throws or rejects, no answer is sent. */
  answer(question: Json): Json | Promise<Json>
  /** Hears the news of another instance. */
  heard(news: Json): void
}

/** Thrown if other instances cannot be asked at the moment. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'

  constructor() {
    super('The other instances cannot be asked now: try again later.')
  }
}

/** A question that some instances have not answered yet. */
interface Pending {
  readonly missing: Set<string>
  readonly answers: Answer[]
  readonly enough: (answer: Json) => boolean
  readonly done: (error?: Error) => void
}

const answerTime = 5_000

/**
 * Questions and news that the instances of one endpoint send each other. A question goes to every
 * instance that lives and answers for the endpoint. News arrive in the order in which they were sent, or
 * do not arrive if the bus fails.
 */
export class Exchange {
  readonly #pending = new Map<number, Pending>()
  #n = 0
  #serves = false
  #closed = false

  /**
   * @param instances - those of the endpoint's context
   * @param endpoint - tells it from other endpoints; the same on all instances
   */
  constructor(
    private readonly instances: Instances,
    private readonly endpoint: string,
  ) {
    instances.onDeath((instance) => {
      for (const pending of this.#pending.values()) given(pending, instance)
    })
    instances.on('answer', (message) => {
      if (message.endpoint !== endpoint) return
      const { n, answer, instance } = message
      const pending = this.#pending.get(n)
      if (pending) given(pending, instance, answer)
    })
  }

  /**
   * Answers questions from now on, and hears news. Call it before the first client takes part: of two
   * instances that ask at the same time, at least one then asks the other. An instance that has no
   * clients yet does not need it: the others do not ask it, and do not wait for it.
   */
  serve(handler: ExchangeHandler): void {
    if (this.#serves) return
    this.#serves = true
    const { instances, endpoint } = this
    instances.on('ask', (message) => {
      if (message.endpoint !== endpoint) return
      const { n, question, instance } = message
      void this.#answer(instance, n, handler.answer(question))
    })
    instances.on('news', (message) => {
      if (message.endpoint === endpoint) handler.heard(message.news)
    })
    instances.answersFor(endpoint)
  }

  /** Whether messages are carried to other instances at the moment. */
  get up(): boolean {
    return this.instances.bus.up && !this.#closed
  }

  /**
   * Asks all other instances. An instance that has just started, or was cut off, waits up to 1 s
   * until it has heard of the others.
   *
   * @param enough - whether an answer makes the other answers unnecessary
   * @returns an answer of each; an instance that dies meanwhile gives none
   * @throws Unreachable if the bus is down, or an instance gives no answer within 5 s
   */
  async ask(question: Json, enough: (answer: Json) => boolean = () => false): Promise<Answer[]> {
    if (!this.up) throw new Unreachable()
    await this.instances.settled()
    if (!this.up) throw new Unreachable()
    const missing = new Set(this.instances.answering(this.endpoint))
    if (missing.size === 0) return []
    const n = ++this.#n
    const answers: Answer[] = []
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error) => {
        clearTimeout(timer)
        this.#pending.delete(n)
        if (error) reject(error)
        else resolve()
      }
      const timer = setTimeout(() => done(new Unreachable()), answerTime)
      this.#pending.set(n, { missing, answers, enough, done })
      this.instances.toAll({ t: 'ask', endpoint: this.endpoint, n, question })
    })
    return answers
  }

  /** @param instance - the only one that hears the news; all others if it is left out */
  tell(news: Json, instance?: string): void {
    const message = { t: 'news', endpoint: this.endpoint, news } as const
    if (instance === undefined) this.instances.toAll(message)
    else this.instances.send(instance, message)
  }

  /** Ends the questions that are not answered yet. */
  close(): void {
    this.#closed = true
    for (const { done } of this.#pending.values()) done(new Unreachable())
  }

  async #answer(instance: string, n: number, answer: Json | Promise<Json>): Promise<void> {
    try {
      const { endpoint } = this
      this.instances.send(instance, { t: 'answer', endpoint, n, answer: await answer })
    } catch {
      // a malformed question gets no answer
    }
  }
}

/** An instance has given an answer, or can give none any more. */
function given(pending: Pending, instance: string, answer?: Json): void {
  const { missing, answers, enough, done } = pending
  const again = answers.some((known) => known.instance === instance)
  if (answer !== undefined && !again) answers.push({ instance, answer })
  missing.delete(instance)
  if (missing.size === 0 || (answer !== undefined && enough(answer))) done()
}
