/** Whether a text comes before another in the order of code points, which is not that of UTF-16. */
export function isLess(one: string, other: string): boolean {
  const length = Math.min(one.length, other.length)
  for (let at = 0; at < length; at++) {
    const [a, b] = [one.charCodeAt(at), other.charCodeAt(at)]
    if (a !== b) return isSurrogate(a) === isSurrogate(b) ? a < b : isSurrogate(b)
  }
  return one.length < other.length
}

const isSurrogate = (unit: number) => unit >= 0xd800 && unit < 0xe000
