import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

/** Runs a built campaign as users do. */
function run(campaign: string, ...args: string[]) {
  const script = fileURLToPath(new URL(`../dist/${campaign}.js`, import.meta.url))
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

describe.each(['fuzz', 'soak'])('the command line of %s', (campaign) => {
  test('--help shows what there is, and starts nothing', () => {
    const { status, stdout, stderr } = run(campaign, '--help')
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(new RegExp(`^yarn ${campaign} \\[options\\]\n(  --.+\n)+`))
  })

  test.each([
    ['an option that is none', ['--hours', '1'], "Unknown option '--hours'"],
    ['a value that is no number', ['--minutes', 'two'], '--minutes must be a number'],
    ['a time in which nothing would be tried', ['--minutes', '0'], 'not "0".'],
  ])('%s is named, with the usage and exit code 2', (_name, args, sentence) => {
    const { status, stdout, stderr } = run(campaign, ...args)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain(sentence)
    expect(stderr).toContain(`yarn ${campaign} [options]`)
    expect(stderr).not.toContain('    at ')
  })
})

describe('the command line of stress', () => {
  test('--help shows what there is, and starts nothing', () => {
    const { status, stdout, stderr } = run('stress', '--help')
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^yarn stress \[options\]\n( {2}--.+\n)+/)
  })

  test.each([
    ['a storm that is none', ['--only', 'drizzle'], 'There is no storm "drizzle".'],
    ['a folder where nothing is built', ['--server', '/nowhere'], 'no built checkout at /nowhere'],
  ])('%s is named, with the usage and exit code 2', (_name, args, sentence) => {
    const { status, stdout, stderr } = run('stress', ...args)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain(sentence)
    expect(stderr).toContain('yarn stress [options]')
  })
})
