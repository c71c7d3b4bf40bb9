/** What was seen at one moment of a soak. */
export interface Sample {
  /** Since the start, in seconds. */
  at: number
  /** Resident memory of the server, in bytes, after a collection. */
  rss: number
  /** Heap in use, in bytes, after a collection. */
  heap: number
  sockets: number
}

const [width, height, left, right, top, bottom] = [720, 300, 60, 60, 40, 40]

/** The samples as a picture (SVG): memory on the left scale, sockets on the right one. */
export function curve(samples: readonly Sample[], title: string): string {
  const end = Math.max(1, ...samples.map(({ at }) => at))
  const most = (values: number[]) => Math.max(1, ...values) * 1.1
  const memory = most(samples.map(({ rss }) => rss / 1e6))
  const sockets = most(samples.map((sample) => sample.sockets))
  const x = (at: number) => left + (at / end) * (width - left - right)
  const y = (value: number, scale: number) =>
    height - bottom - (value / scale) * (height - top - bottom)
  const line = (value: (sample: Sample) => number, scale: number, color: string) => {
    const points = samples.map((s) => `${x(s.at).toFixed(1)},${y(value(s), scale).toFixed(1)}`)
    return `<polyline fill="none" stroke="${color}" stroke-width="1.5" points="${points.join(' ')}"/>`
  }
  const label = (at: number, below: number, text: string, anchor = 'middle') =>
    `<text x="${at}" y="${below}" text-anchor="${anchor}">${text}</text>`
  const scales = [0, 0.5, 1].flatMap((part) => [
    label(left - 6, y(part, 1) + 4, Math.round(part * memory).toString(), 'end'),
    label(width - right + 6, y(part, 1) + 4, Math.round(part * sockets).toString(), 'start'),
    label(x(part * end), height - bottom + 18, `${Math.round((part * end) / 60)} min`),
  ])
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#567">
<rect width="${width}" height="${height}" fill="#fff"/>
${label(width / 2, 20, title)}
${label(left, 34, 'memory (dark) and heap (light), MB', 'start')}
${label(width - right, 34, 'sockets (grey)', 'end')}
${scales.join('\n')}
${line((s) => s.sockets, sockets, '#cbd5dc')}
${line((s) => s.heap / 1e6, memory, '#7cc4e8')}
${line((s) => s.rss / 1e6, memory, '#0b6fa4')}
</svg>
`
}
