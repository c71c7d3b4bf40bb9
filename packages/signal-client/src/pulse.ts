const restTime = 20_000
const patience = 15_000
// a device that has just come back to life, or to a network, wants to know soon
const littlePatience = 5_000
/** See {@link createPulse}. */
export interface Pulse {
  start(): void
  stop(): void
  /** Something came. @param answer - whether it was the answer to a ping */
  heard(answer: boolean): void
  /** Asks at once. */
  check(): void
}

/**
 * Finds out whether the server is still there: a browser can neither send WebSocket pings nor see
 * the server's, and a TCP connection whose network is gone looks open for minutes.
 *
 * @param ping - asks the server for an answer
 * @param mute - called when nothing at all was heard in time
 */
export function createPulse(ping: () => void, mute: () => void): Pulse {
  let timer: ReturnType<typeof setTimeout> | undefined
  let asking = false
  /** Whether the server has ever answered: one that does not know pings is not judged by them. */
  let answers = false

  const next = (action: () => void, wait: number) => {
    clearTimeout(timer)
    timer = setTimeout(action, wait)
  }

  const rest = () => {
    asking = false
    next(ask, restTime)
  }

  const ask = (wait = patience) => {
    asking = true
    ping()
    next(() => (answers ? mute() : rest()), wait)
  }

  return {
    start: ask,
    stop() {
      clearTimeout(timer)
      answers = false
    },
    heard(answer) {
      answers ||= answer
      if (asking) rest()
    },
    check() {
      if (answers) ask(littlePatience)
    },
  }
}
