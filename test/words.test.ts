import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

// words that were replaced; ARCHITECTURE.md, "Words", has those that matter
const old =
  'abroad across elsewhere leg legs inlet inlets hall halls world worlds pace paces pulse pulses patient visitor visitors ' +
  'canary perch fleet fleets berth sail ship ships belongings acquaintance acquainted hunt'
const oldWords = new Set(old.split(' '))
const oldNames = new Set(
  (
    'holdTime stallTime drainTime closeTime headersTime authorizeTime slowedTime pingAfter pongWithin ' +
    'HOLD_TIME STALL_TIME DRAIN_TIME CLOSE_TIME HEADERS_TIME AUTHORIZE_TIME SLOWED_TIME PING_AFTER ' +
    'PONG_WITHIN'
  ).split(' '),
)

/** The words of a name: of `#remotePeers`, `remote` and `peers`. */
const wordsOf = (name: string) =>
  name
    .split(/[^A-Za-z]+|(?<=[a-z])(?=[A-Z])/)
    .map((word) => word.toLowerCase())
    .filter((word) => word !== '')

/** The names in the source of a file, each once. */
function namesIn(file: string): Set<string> {
  const names = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) names.add(node.text)
    ts.forEachChild(node, visit)
  }
  const text = readFileSync(join(root, file), 'utf8')
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest))
  return names
}

// pages have visitors; and the connection layer of the client is going to be another one
const exempt = /^(examples|packages\/signal-(client|video-call))\//

test('names use one word for one thing', () => {
  const tracked = execFileSync('git', ['ls-files', '*.ts'], { cwd: root, encoding: 'utf8' })
  const files = tracked.split('\n').filter((file) => file !== '' && !exempt.test(file))
  expect(files.length).toBeGreaterThan(300)
  const found = files.flatMap((file) => {
    const names = [basename(file, '.ts'), ...namesIn(file)]
    const isOld = (name: string) =>
      oldNames.has(name) || wordsOf(name).some((word) => oldWords.has(word))
    return names.filter(isOld).map((name) => `${file}: ${name}`)
  })
  expect(found).toEqual([])
})
