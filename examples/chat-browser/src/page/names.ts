const adjectives = ['Brave', 'Calm', 'Clever', 'Gentle', 'Lucky', 'Merry', 'Quick', 'Quiet']
const animals = ['Badger', 'Heron', 'Lynx', 'Otter', 'Raccoon', 'Salmon', 'Tortoise', 'Wren']

const oneOf = (words: string[]) => words[Math.floor(Math.random() * words.length)]!

/** A name for somebody who has not said theirs. */
export const anyName = () => `${oneOf(adjectives)} ${oneOf(animals)}`

/** The letters of an avatar. */
export const initials = (name: string) =>
  name
    .split(/\s+/)
    .map((word) => [...word][0] ?? '')
    .slice(0, 2)
    .join('')
    .toUpperCase()

/** A colour that is always the same for one id, in degrees. */
export const hue = (id: string) =>
  [...id].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)!) % 360, 7)
