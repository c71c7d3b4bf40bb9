const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const

/** The first signal lets pipes end by themselves, and then exits with 0; a second one ends at once. */
export function endWithSignal(end: (signal: string) => Promise<void>): void {
  const signals = Object.keys(exitCodes) as (keyof typeof exitCodes)[]
  let ending = false
  const heard = async (signal: keyof typeof exitCodes) => {
    if (ending) process.exit(exitCodes[signal])
    ending = true
    await end(signal)
    process.exit(0)
  }
  for (const signal of signals) process.on(signal, () => void heard(signal))
}
