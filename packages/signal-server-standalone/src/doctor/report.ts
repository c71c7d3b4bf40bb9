/** What a check found. */
type Mark = 'good' | 'bad' | 'warn' | 'note'

const signs: Record<Mark, string> = { good: '✓', bad: '✗', warn: '!', note: '–' }
const colours: Record<Mark, string> = {
  good: '\u001b[32m',
  bad: '\u001b[31m',
  warn: '\u001b[33m',
  note: '\u001b[2m',
}
const nameWidth = 13
const lineWidth = 78

/** Says what was found, line by line as it is found. */
export class Report {
  #problems = 0
  #warnings = 0

  constructor(
    private readonly print: (text: string) => void,
    private readonly coloured: boolean,
  ) {}

  get problems(): number {
    return this.#problems
  }

  title(text: string): void {
    this.print(`🩺 ${text}\n\n`)
  }

  good(name: string, sentence: string): void {
    this.#line('good', name, sentence)
  }

  /** Neither good nor bad, such as what was not looked at. */
  note(name: string, sentence: string): void {
    this.#line('note', name, sentence)
  }

  /** @param advice - what to do about it, paragraph by paragraph */
  bad(name: string, sentence: string, ...advice: string[]): void {
    this.#problems++
    this.#line('bad', name, sentence)
    for (const paragraph of advice) this.print(indented(paragraph))
  }

  /** It works, and is not as it should be on the open internet. */
  warn(name: string, sentence: string, ...advice: string[]): void {
    this.#warnings++
    this.#line('warn', name, sentence)
    for (const paragraph of advice) this.print(indented(paragraph))
  }

  conclude(): void {
    const warnings = this.#warnings === 0 ? '' : ` ${counted(this.#warnings, 'warning')}.`
    const problems =
      this.#problems === 0 ? 'All is well.' : `${counted(this.#problems, 'problem')}.`
    this.print(`\n${problems}${warnings}\n`)
  }

  #line(mark: Mark, name: string, sentence: string): void {
    const sign = this.coloured ? `${colours[mark]}${signs[mark]}\u001b[0m` : signs[mark]
    const body = indented(sentence).trimStart()
    this.print(` ${sign} ${name.padEnd(nameWidth)} ${body}`)
  }
}

const counted = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`

/** Wraps text into the column behind the names. */
function indented(text: string): string {
  const indent = ' '.repeat(nameWidth + 4)
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && indent.length + last.length + 1 + word.length <= lineWidth) {
      lines[lines.length - 1] = `${last} ${word}`
    } else {
      lines.push(word)
    }
  }
  return lines.map((line) => `${indent}${line}\n`).join('')
}
