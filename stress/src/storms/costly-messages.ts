import { repeated, textFrame } from '../clients/frames.js'
import { crowd, RawClient } from '../clients/raw-client.js'
import { pause, type Storm } from './storm.js'

// Messages within every limit that cost a server more than they seem to.

const nested = '['.repeat(97) + ']'.repeat(97)

/** JSON of about so many bytes, of lists in lists. */
const lists = (bytes: number) =>
  `[${Array(Math.floor(bytes / 195))
    .fill(nested)
    .join(',')}]`

const signals: Storm = {
  name: 'nested-signals',
  row: 48,
  async run(target, _random, size) {
    const clients = await crowd(20 * size, (i) =>
      RawClient.open(target, `/introduction/nested-${i}`, { v1: true }),
    )
    const signal = `{"type":"Signal","to":"nobody","signal":${lists(500_000)}}`
    for (const client of clients) client.write(repeated(textFrame(signal), 8))
    await pause(3_000)
    return { held: clients }
  },
}

const offers: Storm = {
  name: 'nested-offers',
  row: 52,
  async run(target, _random, size) {
    const clients = await crowd(120 * size, async (i) => {
      const client = await RawClient.open(target, '/rtc')
      client.json({ type: 'identify', data: { id: `nested-${i}`, name: 'N' } })
      return client
    })
    const offer = `{"type":"offer","data":{"target":"nested-0","x":${lists(63_000)}}}`
    for (const client of clients) client.write(repeated(textFrame(offer), 20))
    await pause(3_000)
    return { held: clients }
  },
}

export const costlyMessages: readonly Storm[] = [signals, offers]
