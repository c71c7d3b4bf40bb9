import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { Emitter } from '../src/emitter.js'

class Source extends Emitter<{ a: [number]; b: [number] }> {
  tell(event: 'a' | 'b', value: number): void {
    this.emit(event, value)
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('every listener hears every event, in order', async () => {
  const source = new Source()
  const heard: string[] = []
  source.on('a', (n) => heard.push(`first a${n}`))
  source.on('a', (n) => heard.push(`second a${n}`))
  source.on('b', (n) => heard.push(`b${n}`))
  source.tell('a', 1)
  source.tell('b', 2)
  source.tell('a', 3)
  await turn()
  expect(heard).toEqual(['first a1', 'second a1', 'b2', 'first a3', 'second a3'])
})

test('a listener that was taken away hears no more', async () => {
  const source = new Source()
  const heard: number[] = []
  const push = (n: number) => heard.push(n)
  const off = source.on('a', push)
  source.tell('a', 1)
  await turn()
  off()
  source.tell('a', 2)
  await turn()
  source.on('a', push)()
  source.tell('a', 3)
  await turn()
  expect(heard).toEqual([1])
})

test('what happens before anybody listens waits, and comes once and in order', async () => {
  const source = new Source()
  source.tell('a', 1)
  source.tell('b', 2)
  source.tell('a', 3)
  await turn()
  const heard: string[] = []
  source.on('b', (n) => heard.push(`b${n}`))
  source.on('a', (n) => heard.push(`a${n}`))
  source.tell('b', 4)
  await turn()
  source.on('a', (n) => heard.push(`later a${n}`))
  await turn()
  expect(heard).toEqual(['a1', 'b2', 'a3', 'b4'])
})

test('of what nobody listens to the last thousand is kept', async () => {
  const source = new Source()
  for (let n = 1; n <= 1_500; n++) {
    source.tell('a', n)
    if (n % 100 === 0) await turn()
  }
  const heard: number[] = []
  source.on('a', (n) => heard.push(n))
  await turn()
  expect([heard.length, heard[0], heard.at(-1)]).toEqual([1_000, 501, 1_500])
})

test('what a listener throws is uncaught, and keeps nothing from the others', () => {
  // in a process of its own, for the test runner would take it for its own failure
  const program = `
    import { Client } from 'signal-client'
    process.on('uncaughtException', (error) => console.log('uncaught: ' + error.message))
    const client = new Client({ url: 'http://127.0.0.1:9' })
    client.on('disconnected', () => { throw new Error('oh dear') })
    client.on('disconnected', () => {
      console.log('the second listener')
      client.close().then(() => console.log(client.state))
    })`
  const { stdout, status, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', program],
    {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      timeout: 15_000,
    },
  )
  expect(stderr).toBe('')
  expect(stdout.trim().split('\n')).toEqual(['uncaught: oh dear', 'the second listener', 'closed'])
  expect(status).toBe(0)
})
