export type Unit = 'count' | 'plain' | 'bytes' | 'seconds' | 'milliseconds' | 'share'

const threeDigits = (value: number) =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)

function scaled(value: number, step: number, suffixes: readonly string[]): string {
  let index = 0
  while (Math.abs(value) >= step && index < suffixes.length - 1) {
    value /= step
    index++
  }
  return `${index === 0 ? String(Math.round(value)) : threeDigits(value)}${suffixes[index]}`
}

/** A measured value as the tables show it. */
export function show(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return '—'
  switch (unit) {
    case 'count':
      return scaled(value, 1000, ['', 'k', 'M', 'G'])
    case 'bytes':
      return scaled(value, 1000, [' B', ' KB', ' MB', ' GB'])
    case 'seconds':
      return `${threeDigits(value)} s`
    case 'milliseconds':
      return `${threeDigits(value)} ms`
    case 'share':
      return `${Math.round(value * 100)}%`
    case 'plain':
      return threeDigits(value)
  }
}
