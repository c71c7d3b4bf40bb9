import type { ExchangeHandler } from 'signal-server'
import { carried, restored } from './carried.js'
import type { Cluster, News, Question } from './cluster.js'
import type { RoomNews } from './room-news.js'
import type { Rooms } from './rooms.js'
import type { Session } from './session.js'

/**
 * Answers the questions of other instances about rooms, and carries out their news.
 *
 * @param sessions - the clients here
 */
export function instanceMessages(
  cluster: Pick<Cluster, 'here'>,
  rooms: Pick<Rooms, 'place'>,
  roomNews: Pick<RoomNews, 'tell'>,
  sessions: ReadonlyMap<string, Session>,
): ExchangeHandler {
  const answer = async (question: Question): Promise<unknown> => {
    switch (question[0]) {
      case 'members':
        return cluster.here(question[1], question[2])
      case 'place':
        return rooms.place(question[1])
      case 'prove':
        await sessions.get(question[1])?.prove()
        return true
    }
  }
  return {
    answer: async (question) => carried(await answer(restored(question) as Question)),
    heard: (json) => {
      const news = restored(json) as News
      const [kind, key] = news
      if (kind === 'came') roomNews.tell(key, 'room-user-join', news[2])
      else if (kind === 'emit' && sessions.get(news[2])?.isIn(key)) {
        roomNews.tell(key, news[3], news[4], { only: news[2] })
      }
    },
  }
}
