import type { ExchangeHandler } from 'signal-server'
import { carried, restored } from './carried.js'
import type { Cluster, News, Question } from './cluster.js'
import type { Membership } from './membership.js'
import type { RoomNews } from './room-news.js'
import type { Rooms } from './rooms.js'
import type { Session } from './session.js'
import type { Joined, Placement } from './socket.js'
import { appOf, isRoomKey, roomName } from './standing.js'

/** The events that a member on one instance is sent by another instance. */
const emitted = new Set(['session-description', 'ice-candidate', 'room-join-request'])

/**
 * Answers the questions of other instances about rooms, and carries out their news. They may have any
 * shape: what is malformed throws, and has no effect.
 *
 * @param sessions - the clients here
 */
export function instanceMessages(
  cluster: Pick<Cluster, 'here'>,
  rooms: Pick<Rooms, 'place'>,
  membership: Pick<Membership, 'toldCame'>,
  roomNews: Pick<RoomNews, 'tell'>,
  sessions: ReadonlyMap<string, Session>,
): ExchangeHandler {
  const answer = async (question: Question): Promise<unknown> => {
    switch (question[0]) {
      case 'members':
        return cluster.here(question[1], question[2])
      case 'place':
        return rooms.place(checkedPlacement(question[1]))
      case 'prove': {
        const session = sessions.get(question[1])
        await session?.prove()
        return session !== undefined
      }
      default:
        throw new TypeError('no question')
    }
  }
  return {
    answer: async (question) => carried(await answer(restored(question) as Question)),
    heard: (json) => {
      const news = restored(json) as News
      const [kind, key] = news
      checkKey(key)
      if (kind === 'came') membership.toldCame(key, checkedJoined(news[2]))
      else if (kind === 'emit' && emitted.has(news[3]) && sessions.get(news[2])?.isIn(key)) {
        roomNews.tell(key, news[3], news[4], { only: news[2] })
      }
    },
  }
}

function checkKey(key: string): void {
  const named = isRoomKey(key) && [appOf(key), roomName(key)].every(isText)
  if (!named) throw new TypeError('no key of a room')
}

function checkedPlacement(placement: Placement): Placement {
  const { app, room, id, since } = placement
  const named = [app, room, id].every(isText)
  if (!named || (since !== undefined && !Number.isFinite(since)))
    throw new TypeError('no placement')
  return placement
}

function checkedJoined(joined: Joined): Joined {
  if (!isText(joined.peer_id)) throw new TypeError('no client')
  return joined
}

const isText = (value: unknown) => typeof value === 'string'
