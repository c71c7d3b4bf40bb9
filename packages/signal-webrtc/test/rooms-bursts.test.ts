import { expect, test } from 'vitest'
import { eventually, within } from '../../signal-server/test/harness/arrivals.js'
import { measured } from './harness/measured.js'
import { admit, RoomClient, RoomStage, tokens } from './harness/room-client.js'

const appToken = await tokens.issue({ app: 'an app' })

/** A server whose turns are measured, with a bystander who talks to it. */
async function stage() {
  const { port, longestTurn } = await measured()
  const http = `http://127.0.0.1:${port}`
  const client = async () => (await RoomClient.connect(http, appToken)).authorize(appToken)
  const clients = (count: number) => Promise.all(Array.from({ length: count }, client))
  const bystander = await client()
  /** The longest turn of an action, and of what the server still has to do after it. */
  const during = async (act: () => unknown) => {
    await bystander.settled()
    await longestTurn()
    await act()
    for (let n = 0; n < 20; n++) await bystander.settled()
    return longestTurn()
  }
  return { http, client, clients, during }
}

/** The most CPU time that the longest turn of a burst may take, by that of one action. */
// a slice of 5 ms, what is decoded at the same time, and a collection of garbage
const most = (calm: number) => 15 * Math.max(calm, 4)

test('row 52: rooms: many who come to a room of some hundred members and leave it keep nobody waiting', async () => {
  const { client, clients, during } = await stage()
  const owner = await client()
  owner.emit('room-create-request', { room: 'r' })
  await owner.next('room-create-accept')
  for (const member of await clients(200)) await admit(owner, member, 'r')
  const one = await client()
  const calm = await during(async () => {
    await admit(owner, one, 'r')
    one.socket.disconnect()
    await owner.next('room-user-leave')
  })
  const many = await clients(50)
  const burst = await during(async () => {
    const before = owner.seenOf('room-join-request').length
    for (const each of many)
      each.emit('room-join-request', { room: 'r', payload: 'x'.repeat(9_000) })
    const asked = () => owner.seenOf('room-join-request').slice(before)
    await eventually(() => asked().length === many.length, 'all requests')
    for (const { peer_id } of asked()) owner.emit('room-join-accept', { room: 'r', peer_id })
    await Promise.all(many.map((each) => each.next('room-join-accept')))
    for (const { socket } of many) socket.disconnect()
    await eventually(() => owner.seenOf('room-user-leave').length === many.length + 1, 'all leaves')
  })
  expect(burst).toBeLessThan(most(calm))
}, 60_000)

test('row 52: rooms: a flood of requests to one owner keeps nobody waiting', async () => {
  const { client, clients, during } = await stage()
  const owner = await client()
  owner.emit('room-create-request', { room: 'r' })
  await owner.next('room-create-accept')
  const many = await clients(40)
  const [first] = many
  const ask = (each: RoomClient) => each.emit('room-join-request', { room: 'r', payload: 'please' })
  const calm = await during(async () => {
    ask(first!)
    await first!.settled()
  })
  const burst = await during(async () => {
    for (const each of many) for (let n = 0; n < 200; n++) ask(each)
    await Promise.all(many.map((each) => each.settled()))
  })
  expect(burst).toBeLessThan(most(calm))
}, 60_000)

test('row 52: rooms: an owner who leaves many rooms in which many ask keeps nobody waiting', async () => {
  const { client, clients, during } = await stage()
  const askers = await clients(50)
  /** Lets an owner of rooms leave, for whose answers the first of the askers wait. */
  const leave = async (rooms: number, asking: number) => {
    const owner = await client()
    const names = Array.from({ length: rooms }, (_, n) => `${n}`)
    for (const room of names) owner.emit('room-create-request', { room })
    while (owner.seenOf('room-create-accept').length < rooms) await owner.settled()
    const some = askers.slice(0, asking)
    for (const asker of some) for (const room of names) asker.emit('room-join-request', { room })
    await Promise.all(some.map((asker) => asker.settled()))
    const rejected = () =>
      askers.reduce((sum, one) => sum + one.seenOf('room-join-reject').length, 0)
    const before = rejected()
    return during(async () => {
      owner.socket.disconnect()
      await eventually(() => rejected() - before === rooms * asking, 'all rejections')
    })
  }
  const calm = await leave(1, 1)
  expect(await leave(99, 50)).toBeLessThan(most(calm))
}, 60_000)

test('row 52: rooms: floods by long polling keep nobody waiting', async () => {
  const { http, during } = await stage()
  const poll = `${http}/socket.io/?EIO=4&transport=polling`
  const connect = async () => {
    const { sid } = JSON.parse((await (await fetch(poll)).text()).slice(1)) as { sid: string }
    const url = `${poll}&sid=${sid}`
    const post = (body: string) => fetch(url, { method: 'POST', body })
    await post(`40${JSON.stringify({ token: appToken })}`)
    await (await fetch(url)).text()
    return post
  }
  const posts = await Promise.all(Array.from({ length: 20 }, connect))
  const packet = `42["auth-request",{"token":"none"}]`
  const calm = await during(() => posts[0]!(packet))
  const body = Array<string>(900).fill(packet).join('\x1e')
  const burst = await during(() => Promise.all(posts.map((post) => post(body))))
  expect(burst).toBeLessThan(most(calm))
}, 60_000)

test('row 48: rooms: an event that shows an attachment many times ends its client', async () => {
  const stage = await RoomStage.start()
  const client = await stage.client()
  const { engine } = client.socket.io
  const send = (times: number, bytes: number) => {
    const shown = Array<string>(times).fill('{"_placeholder":true,"num":0}').join()
    const fields = `"auth":"${String(client.token)}","room":"r","to":"x","ice_candidate":[${shown}]`
    engine.write(`51-["relay-ice-candidate",{${fields}}]`)
    engine.write(Buffer.alloc(bytes))
  }
  send(3, 1_000)
  expect(await client.next('error')).toMatchObject({ code: 'forbidden' })
  send(20, 50_000)
  await within(client.ended, 'its end')
  expect(stage.served.outcomes().bad_message).toBe(1)
})

test('row 55: rooms: nobody can send a member what ends its connection', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.owner('r')
  const member = await stage.member(owner, 'r')
  const hostile = await stage.member(owner, 'r')
  const send = (times: number) => {
    const shown = Array<string>(times).fill('{"_placeholder":true,"num":0}').join()
    const fields = `"auth":"${String(hostile.token)}","room":"r","to":"${member.id}"`
    const { engine } = hostile.socket.io
    engine.write(`51-["relay-ice-candidate",{${fields},"ice_candidate":[${shown}]}]`)
    engine.write(Buffer.from('x'))
  }
  send(10)
  expect((await member.next('ice-candidate')).ice_candidate).toHaveLength(10)
  // a client of socket.io takes ten attachments, and ends its connection if there are more
  send(11)
  await within(hostile.ended, 'its end')
  owner.emit('relay-ice-candidate', { room: 'r', to: member.id, ice_candidate: 'still there' })
  expect(await member.next('ice-candidate')).toMatchObject({ ice_candidate: 'still there' })

  // a newcomer is shown the peerinfo of all members in one event
  const vain = await stage.client()
  vain.socket.emit('auth-request', { token: stage.appToken, peerinfo: { photo: Buffer.from('x') } })
  expect(await vain.next('auth-reject')).toMatchObject({
    message: expect.stringContaining('bytes'),
  })
})

test('row 31: rooms: what requests bring for an owner who does not answer counts, and is bounded', async () => {
  const stage = await RoomStage.start()
  const owner = await stage.client()
  const rooms = Array.from({ length: 8 }, (_, n) => `${n}`)
  for (const room of rooms) {
    owner.emit('room-create-request', { room })
    await owner.next('room-create-accept')
  }
  const client = await stage.client()
  const payload = Array.from({ length: 5_000 }, () => ({}))
  for (const room of rooms) client.emit('room-join-request', { room, payload })
  await client.settled()
  const rejected = client.seenOf('room-join-reject').length
  expect(rejected).toBeGreaterThan(3)
  const asked = owner.seenOf('room-join-request')
  expect(asked.map((each) => each.payload)).toEqual(Array(8 - rejected).fill(payload))
  const { server } = stage.served
  const held = server.stats().bufferedBytes
  expect(held).toBeGreaterThan(asked.length * 10_000)
  owner.emit('room-join-reject', { room: '0', peer_id: client.id })
  await client.next('room-join-reject')
  await eventually(() => server.stats().bufferedBytes < held, 'less that is held')
  for (const { socket } of [client, owner]) socket.disconnect()
  await stage.served.empty()
})
