import { eventually } from '../../../signal-server/test/harness/arrivals.js'
import type { Client, Fields } from '../../../signal-server/test/harness/client.js'

/** The next message that has these fields, others aside. */
export async function next(client: Client, fields: Fields, milliseconds?: number): Promise<Fields> {
  const what = `a message with ${JSON.stringify(fields)}`
  for (;;) {
    const { text } = await client.messages.next(what, milliseconds)
    const message = JSON.parse(text) as Fields
    if (Object.entries(fields).every(([name, value]) => message[name] === value)) return message
  }
}

/** What relay-ws lists for a client. */
export async function ls(client: Client): Promise<string[]> {
  client.send({ type: 'ls' })
  return (await next(client, { type: 'ls' })).peers as string[]
}

/** What `/call` lists for a client. */
export async function names(client: Client): Promise<string[]> {
  client.send({ id: 'list' })
  return (await next(client, { id: 'listResponse' })).list as string[]
}

/** Resolves when a list, of peers of all instances, is this one. */
export async function lists(list: () => Promise<string[]>, expected: string[]): Promise<void> {
  let last: string[] = []
  const same = async () => {
    last = await list()
    return JSON.stringify([...last].sort()) === JSON.stringify([...expected].sort())
  }
  await eventually(same, () => `the list ${expected.join()}, which is ${last.join()}`, 20_000)
}

/** Registers a name at `/call`. */
export async function register(client: Client, name: string): Promise<unknown> {
  client.send({ id: 'register', name })
  return (await next(client, { id: 'registerResponse' })).response
}

/** Says at `/rtc` who a client is. */
export async function identify(client: Client, id: string, name: string): Promise<void> {
  client.send({ type: 'identify', data: { id, name } })
  await client.settled()
}

/** The next `peer` of `/rtc` about an id. */
export async function peer(client: Client, id: string, milliseconds?: number): Promise<Fields> {
  for (;;) {
    const data = (await next(client, { type: 'peer' }, milliseconds)).data as Fields
    if (data.id === id) return data
  }
}
