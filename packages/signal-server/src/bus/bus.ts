/**
 * What joins the instances of a server: a carrier of messages, and nothing else. It keeps no
 * registry, so nothing in it can be stale.
 *
 * Messages of one publisher reach each subscriber in order, on whatever topics. Any may be lost
 * while the bus is down or about to be; what is lost is found by those who need to know.
 */
export interface Bus {
  /** Sends to all who subscribe, the sender too; while the bus is down the message is dropped. */
  publish(topic: string, message: Uint8Array): void
  /**
   * Hears what is published on a topic from now on.
   * @returns resolves once the engine has acknowledged, and gives the way to unsubscribe
   */
  subscribe(topic: string, handler: (message: Buffer) => void): Promise<() => void>
  /**
   * Whether messages are carried at the moment. A bus over a network MUST NOT say so before a message
   * of its own has come back: a connection alone does not show that it may publish and hear.
   */
  readonly up: boolean
  /**
   * Why it is down, in a sentence without secrets and addresses: `/readyz` shows it.
   * @default undefined: not known
   */
  readonly reason?: string | undefined
  /**
   * Calls back when `up` changes; when it becomes true, all subscriptions stand again.
   * @returns stops it
   */
  watch(listener: (up: boolean) => void): () => void
  /**
   * Whether so much waits to be carried that requests which can wait should wait. A message that is
   * published all the same is carried, too, behind the rest.
   * @default false; one that says true MUST have {@link drained}
   */
  readonly congested?: boolean
  /** Resolves when it is not congested, at once if it is not now. */
  drained?(): Promise<void>
}
