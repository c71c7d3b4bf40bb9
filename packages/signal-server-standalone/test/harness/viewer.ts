import { get, type IncomingMessage } from 'node:http'
import { onTestFinished } from 'vitest'
import { Arrivals } from '../../../signal-server/test/harness/arrivals.js'

/** What the status page is told once a second. */
export interface Sample {
  peers: number
  keys: number
  pipes: number
  bytes: number
  messages: number
}

/** A viewer of the page, without the page. */
export async function view(
  url: string,
): Promise<{ status: number; events: Arrivals<string>; ended: () => boolean; leave(): void }> {
  const events = new Arrivals<string>()
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(`${url}/status`, resolve).on('error', reject)
  })
  let rest = ''
  response.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n\n')
    rest = parts.pop()!
    for (const part of parts) events.push(part)
  })
  response.on('error', () => {})
  onTestFinished(() => void response.destroy())
  return {
    status: response.statusCode!,
    events,
    ended: () => response.complete,
    leave: () => void response.destroy(),
  }
}

export const sampleIn = (event: string): Sample =>
  JSON.parse(event.replace(/^event: sample\ndata: /, '')) as Sample
