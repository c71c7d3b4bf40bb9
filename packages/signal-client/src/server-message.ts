import type { ServerMessage } from 'signal-server-protocol'
import type { Message } from './raw-socket.js'

/** The fields without which a message means nothing: `keys` is a list of texts, all others are texts. */
const needed: Partial<Record<string, string>> = {
  Welcome: 'id',
  Introduction: 'id keys',
  Update: 'id',
  Departure: 'id keys',
  Replaced: 'keys',
  Signal: 'from',
  Error: 'code message',
} satisfies Partial<Record<ServerMessage['type'], string>>

const isText = (value: unknown) => typeof value === 'string'

/**
 * What a server has said; of a type that only a newer server knows, too.
 * @throws Error where it is no message of the protocol
 */
export function parseServerMessage(data: Message): ServerMessage {
  const message = JSON.parse(data as string) as Record<string, unknown>
  const isWellFormed = (needed[message.type as string] ?? 'type').split(' ').every((field) => {
    const value = message[field]
    return field === 'keys' ? Array.isArray(value) && value.every(isText) : isText(value)
  })
  if (!isWellFormed) throw new TypeError(`Not a message of a server: ${data as string}`)
  return message as unknown as ServerMessage
}
