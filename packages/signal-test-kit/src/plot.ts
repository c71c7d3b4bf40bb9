/** One line of a {@link lineChart}, or one bar of a {@link barPanels} panel. */
export interface Series {
  title: string
  points: readonly (readonly [x: number, y: number])[]
}

/** Colours that differ in brightness, too. */
const colours = ['#0b6e4f', '#c8553d', '#3d5a98', '#8e7dbe', '#8a8d91', '#d4a017']
const colour = (index: number) => colours[index % colours.length]!

const escaped = (text: string) =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped(content)}</text>`
}

function svg(width: number, height: number, title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="#222">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n')
}

/** A group of bars on a scale of their own, each with its value beside it. */
export interface Panel {
  title: string
  bars: readonly { title: string; index: number; value: number; label: string }[]
}

/** Panels of horizontal bars below each other. `index` picks a bar's colour. */
export function barPanels(title: string, panels: readonly Panel[]): string {
  const [width, left, right, row, gap] = [720, 190, 90, 20, 34]
  const parts = [text(12, 24, title, 'font-size="15" font-weight="bold"')]
  let y = 44
  for (const panel of panels) {
    parts.push(text(12, y + 12, panel.title, 'font-weight="bold"'))
    y += 20
    const most = Math.max(...panel.bars.map(({ value }) => value))
    for (const bar of panel.bars) {
      const length = Math.max(1, (bar.value / most) * (width - left - right))
      parts.push(
        text(left - 8, y + 13, bar.title, 'text-anchor="end"'),
        `<rect x="${left}" y="${y + 2}" width="${length.toFixed(1)}" height="${row - 5}" fill="${colour(bar.index)}"/>`,
        text(left + length + 6, y + 13, bar.label),
      )
      y += row
    }
    y += gap - row
  }
  return svg(width, y, title, parts)
}

/** An axis: its title, how a value is written, and whether it is logarithmic. */
export interface Axis {
  title: string
  show: (value: number) => string
  logarithmic?: boolean
}

/** Round values that divide a range into a handful of parts: 1, 2 and 5 where logarithmic. */
function ticks(low: number, high: number, logarithmic: boolean): number[] {
  if (logarithmic) {
    const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))]
    const powers = Array.from({ length: last - first + 1 }, (_, n) => 10 ** (first + n))
    const round = powers.flatMap((power) => [power, 2 * power, 5 * power])
    const from = round.findLastIndex((value) => value <= low * 1.001)
    return round.slice(from, round.findIndex((value) => value >= high) + 1)
  }
  const rough = (high - low) / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough)!
  return Array.from({ length: Math.ceil(high / step) + 1 }, (_, n) => n * step)
}

/** Maps the range of an axis, widened to whole ticks, to pixels. */
function scale(values: readonly number[], axis: Axis, from: number, to: number) {
  const logarithmic = axis.logarithmic === true
  const high = Math.max(...values)
  const marks = ticks(logarithmic ? Math.min(...values) : 0, high, logarithmic)
  const place = logarithmic ? Math.log10 : (value: number) => value
  const [first, last] = [place(marks[0]!), place(marks.at(-1)!)]
  return {
    marks,
    at: (value: number) => from + ((place(value) - first) / (last - first)) * (to - from),
  }
}

/** Lines over two axes, with a legend. Series without points are left out, but keep their colour. */
export function lineChart(title: string, x: Axis, y: Axis, series: readonly Series[]): string {
  const [width, height, left, right, top, bottom] = [720, 380, 70, 40, 60, 50]
  const points = series.flatMap((each) => each.points)
  const horizontal = scale(
    points.map((point) => point[0]),
    x,
    left,
    width - right,
  )
  const vertical = scale(
    points.map((point) => point[1]),
    y,
    height - bottom,
    top,
  )
  const parts = [text(12, 24, title, 'font-size="15" font-weight="bold"')]
  for (const mark of vertical.marks) {
    const at = vertical.at(mark)
    parts.push(
      `<path d="M${left} ${at.toFixed(1)}H${width - right}" stroke="#ddd"/>`,
      text(left - 6, at + 4, y.show(mark), 'text-anchor="end"'),
    )
  }
  for (const mark of horizontal.marks) {
    const at = horizontal.at(mark)
    parts.push(
      `<path d="M${at.toFixed(1)} ${top}V${height - bottom}" stroke="#ddd"/>`,
      text(at, height - bottom + 16, x.show(mark), 'text-anchor="middle"'),
    )
  }
  parts.push(
    text((left + width - right) / 2, height - 10, x.title, 'text-anchor="middle"'),
    text(12, top - 14, y.title),
  )
  let legend = left + 120
  for (const [index, { title, points }] of series.entries()) {
    if (points.length === 0) continue
    const path = points
      .map(
        ([px, py], n) =>
          `${n ? 'L' : 'M'}${horizontal.at(px).toFixed(1)} ${vertical.at(py).toFixed(1)}`,
      )
      .join('')
    parts.push(
      `<path d="${path}" fill="none" stroke="${colour(index)}" stroke-width="2"/>`,
      `<rect x="${legend}" y="${top - 24}" width="12" height="12" fill="${colour(index)}"/>`,
      text(legend + 18, top - 14, title),
    )
    legend += 40 + title.length * 7
  }
  return svg(width, height, title, parts)
}
