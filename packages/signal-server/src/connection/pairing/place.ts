/** Two requests that name each other, on one key of one app. */
export interface PairKey {
  readonly app: string
  readonly localId: string
  readonly remoteId: string
  readonly key: string
}

/** Where a request belongs: the tuple (app, local id, remote id, key). */
export class Place implements PairKey {
  readonly app: string
  readonly localId: string
  readonly remoteId: string
  readonly key: string
  /** Names this place and the reciprocal one, which {@link side} tells apart. */
  readonly pair: string
  readonly side: 0 | 1

  constructor({ app, localId, remoteId, key }: PairKey) {
    this.app = app
    this.localId = localId
    this.remoteId = remoteId
    this.key = key
    this.side = localId < remoteId ? 0 : 1
    const ids = this.side === 0 ? [localId, remoteId] : [remoteId, localId]
    // a tuple's name must not depend on a separator, which an id could contain
    this.pair = JSON.stringify([app, ...ids, key])
  }
}

/** The place of whom a place waits for. */
export const reciprocal = ({ app, localId, remoteId, key }: PairKey): Place =>
  new Place({ app, localId: remoteId, remoteId: localId, key })
