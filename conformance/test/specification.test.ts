import { readFileSync } from 'node:fs'
import { closeReason, errorSentence } from 'signal-server-protocol'
import { describe, expect, test } from 'vitest'
import { allChecks, titles } from '../src/index.js'

const document = readFileSync(new URL('../../docs/PROTOCOL.md', import.meta.url), 'utf8')

/** Sections that bind clients or operators, and what no client can see of a server. */
const unseen = /^(1|3\.7|12|13|14)(\.|$)/

const sections = document
  .split(/^#{2,3} (?=\d)/m)
  .slice(1)
  .map((section) => {
    const [heading = '', ...lines] = section.split('\n')
    const [, number = '', title = ''] = /^([\d.]+) (.*)$/.exec(heading) ?? []
    return { number, title, text: lines.join('\n') }
  })

/** The rows of the first table in a section, without its heading. */
function tableOf(number: string): string[][] {
  const { text = '' } = sections.find((section) => section.number === number) ?? {}
  const rows = text.split('\n').filter((line) => line.startsWith('|'))
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replace(/^`(.*)`$/, '$1')),
  )
}

describe('docs/PROTOCOL.md', () => {
  test('has the sections that the checks name', () => {
    const found = Object.fromEntries(sections.map(({ number, title }) => [number, title]))
    expect(titles).toEqual(found)
    for (const { section } of allChecks) expect(Object.keys(found)).toContain(section)
  })

  const demanding = sections.filter(
    ({ number, text }) => /\bMUST\b/.test(text) && !unseen.test(number),
  )

  test.each(demanding)('demands nothing in §$number that no check looks at', ({ number }) => {
    const own = (section: string) => section === number || section.startsWith(`${number}.`)
    expect(allChecks.filter(({ section }) => own(section))).not.toEqual([])
  })

  test('lists the close codes with their sentences', () => {
    const listed = Object.fromEntries(tableOf('10').map(([code, , sentence]) => [code, sentence]))
    const own = Object.entries(closeReason).filter(([code]) => code !== '1000')
    expect(listed).toEqual(Object.fromEntries(own))
  })

  test('lists the error codes with their sentences', () => {
    const listed = Object.fromEntries(tableOf('11').map(([code, sentence]) => [code, sentence]))
    // it says what was wrong with the message at hand
    const expected = { ...errorSentence, bad_message: listed['bad_message'] }
    expect(listed).toEqual(expected)
  })

  test('says which version it is of, and has a history of it', () => {
    const [, version] = /^Version (\d+\.\d+)\./m.exec(document) ?? []
    expect(document).toContain(`- **${version}**:`)
  })
})

describe('the checks', () => {
  test('have sentences that name each of them', () => {
    const names = allChecks.map(({ section, sentence }) => `${section} ${sentence}`)
    expect(new Set(names).size).toBe(names.length)
  })
})
