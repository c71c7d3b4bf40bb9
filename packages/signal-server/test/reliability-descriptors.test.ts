import { connect, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { eventually, within } from './harness/arrivals.js'
import { Client } from './harness/client.js'
import { ServerProcess } from './harness/server-process.js'

const maxDescriptors = 128

test('row 36: out of file descriptors, the surplus is closed at once, pairs live on, and accepting works again', async () => {
  const server = await ServerProcess.start({}, maxDescriptors)
  const a = await Client.open(`${server.ws}/connection/alice/bob/k`)
  const b = await Client.open(`${server.ws}/connection/bob/alice/k`)
  const talk = async (text: string) => {
    a.send(text)
    expect((await b.messages.next()).text).toBe(text)
  }
  await talk('before')

  const sockets: Socket[] = []
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
  })
  let closed = 0
  const surplus = 60
  for (let n = 0; n < maxDescriptors + surplus; n++) {
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.on('close', () => closed++)
    socket.resume()
    sockets.push(socket)
  }
  await eventually(
    () => closed >= surplus,
    () => `${surplus} closed sockets, not ${closed}`,
    4_000,
  )
  await talk('meanwhile')
  expect(server.alive).toBe(true)

  for (const socket of sockets) socket.destroy()
  const opens = async () => {
    try {
      const again = await Client.open(`${server.ws}/connection/carol/dave/k`)
      await again.kill()
      return true
    } catch {
      return false
    }
  }
  await eventually(opens, 'a connection that is accepted again')
  expect((await fetch(`${server.http}/healthz`)).status).toBe(200)
  await talk('afterwards')
  a.ws.close(1000)
  expect(await within(b.closed, 'the close')).toMatchObject({ code: 1000 })
  const { stats } = await server.report()
  expect(stats.endpoints.connection).toMatchObject({ pipes: 0, waiting: 0 })
})
