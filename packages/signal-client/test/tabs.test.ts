import { PAIRED_TEXT } from 'signal-server-protocol'
import { expect, onTestFinished, test, vi } from 'vitest'
import { ScriptedServer, tell } from './harness/scripted-server.js'
import { clientOf, ended, Stage, talk } from './harness/stage.js'

const again = { timeout: 30_000 }

test('row 63: of two tabs with one id the one that stays has its pipes again', again, async () => {
  const stage = await Stage.open()
  const bob = stage.client('bob')
  const first = stage.client('twin')
  await Promise.all([ended(bob), ended(first)])
  const second = stage.client('twin')
  await talk(...(await Promise.all([ended(second), ended(bob)])))
  expect((await first.told['peer-left'].next())[2]).toBe('replaced')
  await second.client.close()
  await talk(...(await Promise.all([ended(first), ended(bob)])))
})

test('row 63: a tab that was replaced dials again when it is introduced again, and not before', async () => {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0)
  onTestFinished(() => random.mockRestore())
  const server = await ScriptedServer.open()
  const { told } = clientOf(server.url, 'alice')
  const introductions = await server.introductions.next()
  const introduction = { type: 'Introduction', id: 'bob', keys: ['k'] }
  tell(introductions, introduction)
  const pipe = await server.pipes.next()
  pipe.send(PAIRED_TEXT)
  await told.peer.next()
  tell(introductions, { type: 'Replaced', keys: ['k'] })
  tell(introductions, { type: 'Signal', from: 'bob', signal: 'replaced' })
  await told.signal.next()
  // a pipe that is lost now is the newer tab's to dial
  pipe.close(1011)
  expect((await told['peer-left'].next())[2]).toBe('lost')
  tell(introductions, { type: 'Signal', from: 'bob', signal: 'and still so' })
  await told.signal.next()
  expect(server.pipes.seen).toHaveLength(1)
  tell(introductions, introduction)
  ;(await server.pipes.next()).send(PAIRED_TEXT)
  await told.peer.next()
})
