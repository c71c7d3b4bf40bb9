import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import ts from 'typescript'

/** Files and what they import, as long as a file stays as it was. */
const known = new Map()

function importsOf(file) {
  const changed = statSync(file).mtimeMs
  const entry = known.get(file)
  if (entry?.changed === changed) return entry.imports
  const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'))
  const imports = importedFiles.flatMap(({ fileName }) => resolveImport(file, fileName) ?? [])
  known.set(file, { changed, imports })
  return imports
}

/** The source file that a relative import means; packages can't lead back to us. */
function resolveImport(importer, specifier) {
  if (!specifier.startsWith('.')) return undefined
  const file = resolve(dirname(importer), specifier)
  const candidates = [file.replace(/\.(m?)js$/, '.$1ts'), file]
  return candidates.find((candidate) => existsSync(candidate) && statSync(candidate).isFile())
}

/** The files that lead from `from` to `goal`, both included, or undefined. */
function findWay(from, goal, visited = new Set()) {
  if (from === goal) return [from]
  if (visited.has(from)) return undefined
  visited.add(from)
  for (const next of importsOf(from)) {
    const way = findWay(next, goal, visited)
    if (way) return [from, ...way]
  }
  return undefined
}

/**
 * Forbids imports that lead back to the importing file. Imports of types count: what a file needs
 * to know of another one shows which way the design points.
 *
 * @type {import('eslint').Rule.RuleModule}
 */
export const noImportCircles = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { circle: 'This import leads back here: {{way}}' },
  },
  create(context) {
    const file = context.filename
    const here = dirname(file)
    const check = (node) => {
      if (typeof node.source?.value !== 'string') return
      const target = resolveImport(file, node.source.value)
      const way = target && findWay(target, file)
      if (!way) return
      const names = way.map((step) => relative(here, step)).join(' → ')
      context.report({ node: node.source, messageId: 'circle', data: { way: names } })
    }
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    }
  },
}
