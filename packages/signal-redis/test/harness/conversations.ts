import { expect, onTestFinished } from 'vitest'
import { eventually } from '../../../signal-server/test/harness/arrivals.js'
import { Conversation } from './conversation.js'

/** Each of three instances with itself, and each two of them. */
export const withThemselves = [
  [0, 0],
  [1, 1],
  [2, 2],
] as const
export const withEachOther = [
  [0, 1],
  [1, 2],
  [2, 0],
] as const

/** Conversations between instances: as many for each two of them; gone after the test. */
export async function converse(
  instances: readonly { readonly ws: string }[],
  couples: readonly (readonly [number, number])[],
  each: number,
  name: string,
): Promise<Conversation[]> {
  const all = couples.flatMap(([i, j]) =>
    Array.from({ length: each }, (_, n) =>
      Conversation.open([instances[i]!.ws, instances[j]!.ws], `${name}-${i}-${j}-${n}`),
    ),
  )
  const conversations = await Promise.all(all)
  onTestFinished(() => conversations.forEach((conversation) => conversation.close()))
  return conversations
}

export function expectNothingWrong(conversations: readonly Conversation[]): void {
  expect(conversations.flatMap(({ wrong }) => wrong ?? [])).toEqual([])
}

/** Everything that was said has been heard, and nothing else. */
export async function expectCaughtUp(conversations: readonly Conversation[]): Promise<void> {
  for (const conversation of conversations) conversation.hush()
  await eventually(
    () => conversations.every(({ caughtUp }) => caughtUp),
    () =>
      conversations
        .filter(({ caughtUp }) => !caughtUp)
        .map(({ name }) => name)
        .join(', '),
  )
  expectNothingWrong(conversations)
}
