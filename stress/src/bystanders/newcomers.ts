import { randomUUID } from 'node:crypto'
import type { Ends, Target } from '../target.js'
import { Bystander, type BystanderOptions } from './bystander-pair.js'

// Somebody new at each endpoint, who must get what everybody gets, whatever others do.

/** One visit; the clients that it made are closed by its caller. */
type Visit = (target: Target, connect: Connect) => Promise<unknown>

/** @param end - at which of the two instances */
type Connect = (
  path: string,
  options?: Partial<BystanderOptions>,
  end?: 0 | 1,
) => Promise<Bystander>

const introducedAndPiped: Visit = async (_target, connect) => {
  const [a, b, key] = [randomUUID(), randomUUID(), randomUUID()]
  const [one, other] = await Promise.all(
    ([0, 1] as const).map((end) => connect(`/introduction/${[a, b][end]}`, { v1: true }, end)),
  )
  const join = JSON.stringify({ type: 'Join', join: [key] })
  const met = [one!.hears(/"Introduction"/), other!.hears(/"Introduction"/)]
  one!.send(join)
  other!.send(join)
  await Promise.all(met)
  const [left, right] = await Promise.all([
    connect(`/connection/${a}/${b}/${key}`),
    connect(`/connection/${b}/${a}/${key}`, {}, 1),
  ])
  const heard = right.hears(/^hello$/)
  left.send('hello')
  await heard
}

const relayWs: Visit = async (_target, connect) => {
  const client = await connect('/relay-ws')
  await client.ask('{"type":"ls"}', /"ls"/)
}

const rtc: Visit = async (_target, connect) => {
  const [one, other] = [await connect('/rtc'), await connect('/rtc', {}, 1)]
  const identify = (id: string) => JSON.stringify({ type: 'identify', data: { id, name: 'N' } })
  const [first, second] = [randomUUID(), randomUUID()]
  one.send(identify(first))
  const met = one.hears(new RegExp(second))
  await Promise.all([other.ask(identify(second), new RegExp(first)), met])
}

const call: Visit = async (_target, connect) => {
  const client = await connect('/call')
  await client.ask(JSON.stringify({ id: 'register', name: randomUUID() }), /accepted/)
}

const rooms: Visit = async ({ token }, connect) => {
  const client = await connect('/socket.io/?EIO=4&transport=websocket')
  await client.ask(`40${JSON.stringify({ token })}`, /^40/)
  const accepted = await client.ask(`42${JSON.stringify(['auth-request', { token }])}`, /accept/)
  const [, { token: auth }] = JSON.parse(accepted.slice(2)) as [string, { token: string }]
  const create = JSON.stringify(['room-create-request', { auth, room: randomUUID() }])
  await client.ask(`42${create}`, /room-create-accept/)
}

const http: Visit = async ({ port, headers }) => {
  const signal = AbortSignal.timeout(10_000)
  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers, signal })
  await answer.text()
  if (answer.status !== 200) throw new Error(`the page answered ${answer.status}`)
}

const visits: Readonly<Record<string, Visit>> = {
  'introduced and piped': introducedAndPiped,
  '/relay-ws': relayWs,
  '/rtc': rtc,
  '/call': call,
  rooms,
  'the page': http,
}

/** What a newcomer was told: how long it took, in ms, or why it did not work. */
export interface Welcome {
  took: number
  refused?: string
}

/** Lets somebody new come to every endpoint, one after the other. */
export async function visitAll(ends: Ends): Promise<Record<string, Welcome>> {
  const welcomes: Record<string, Welcome> = {}
  for (const [name, visit] of Object.entries(visits)) welcomes[name] = await tryOne(ends, visit)
  return welcomes
}

async function tryOne(ends: Ends, visit: Visit): Promise<Welcome> {
  const clients: Bystander[] = []
  const begin = performance.now()
  try {
    await visit(ends[0], async (path, options, end = 0) => {
      const target = ends[end]
      const url = `ws://127.0.0.1:${target.port}${path}`
      const client = await Bystander.connect(`a newcomer at ${path}`, url, {
        headers: target.headers,
        ...options,
      })
      clients.push(client)
      return client
    })
    return { took: performance.now() - begin }
  } catch (error) {
    const refused = error instanceof Error ? error.message : String(error)
    return { took: performance.now() - begin, refused }
  } finally {
    for (const client of clients) client.close()
  }
}
