import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** A fenced block of a document. */
export interface Sample {
  /** Where it stands, as an editor opens it: `docs/PROTOCOL.md:12`. */
  readonly place: string
  readonly language: string
  /** What follows the language on the opening fence: `run` in "ts run". */
  readonly mark: string
  readonly text: string
}

/** Every Markdown document of the repository, by its path from the root. */
export function findDocuments(folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isFile()) return entry.name.endsWith('.md') ? [path] : []
    const isOurs = entry.isDirectory() && !entry.name.startsWith('.')
    return isOurs && !['node_modules', 'dist'].includes(entry.name) ? findDocuments(path) : []
  })
}

export function readDocument(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

export function samplesOf(path: string): Sample[] {
  const text = readDocument(path)
  return [...text.matchAll(/^( *)```(\w+)?[ \t]*(.*)\n([^]*?)\n? *```$/gm)].map((block) => {
    const [, indent = '', language = '', mark = '', body = ''] = block
    const line = text.slice(0, block.index).split('\n').length
    const lines = body.split('\n').map((each) => each.replace(new RegExp(`^${indent}`), ''))
    return { place: `${path}:${line}`, language, mark: mark.trim(), text: lines.join('\n') }
  })
}

/** The targets of a document's links, without those inside of fenced blocks. */
export function linksOf(path: string): string[] {
  const prose = readDocument(path).replace(/^ *```[^]*?^ *```$/gm, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
}

/** The anchors that a document's headings make. */
export function anchorsOf(path: string): string[] {
  const prose = readDocument(path).replace(/^ *```[^]*?^ *```$/gm, '')
  return [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
