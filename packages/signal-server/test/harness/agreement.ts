import { eventually } from './arrivals.js'
import type { Client, Fields } from './client.js'

const atOnce = 20

/** What a client knows of a peer on a key, however it was told. */
export const known = (client: Client, key: string, id: string): unknown =>
  client.seen
    .map(({ text }) => JSON.parse(text) as Fields)
    .findLast(
      ({ type, id: about, keys }) =>
        about === id && type !== 'Departure' && (keys as string[]).includes(key),
    )?.info

const isReplaced = ({ seen }: Client) => seen.some(({ text }) => text.includes('"Replaced"'))

/**
 * Two sessions of one id join a key and announce something at the same moment, in many rounds.
 * Resolves when all watchers know, of each round, what the session announced that is not replaced.
 *
 * @param watchers - of the key
 * @param open - opens the first or the second session of an id, in `signal.v1`
 */
export async function expectAgreement(
  watchers: readonly Client[],
  key: string,
  open: (which: 0 | 1, id: string) => Promise<Client>,
  rounds: number,
): Promise<void> {
  for (let round = 0; round < rounds; round += atOnce) {
    const started = Array.from({ length: atOnce }, async (_, n) => {
      const id = `twin-${round + n}`
      const pair = await Promise.all([open(0, id), open(1, id)])
      for (const [which, session] of pair.entries()) {
        session.send({ type: 'Join', join: [key] })
        session.send({ type: 'Announce', info: `${id}, ${which}` })
      }
      return { id, pair }
    })
    for (const { id, pair } of await Promise.all(started)) {
      await eventually(() => pair.some(isReplaced), `a session of ${id} to be replaced`)
      const info = `${id}, ${pair.findIndex((session) => !isReplaced(session))}`
      const told = () => watchers.map((watcher) => known(watcher, key, id))
      await eventually(
        () => told().every((each) => each === info),
        () => `${info}, not ${told().join(', ')}`,
      )
      for (const session of pair) session.ws.terminate()
    }
  }
}
