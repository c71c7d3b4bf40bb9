/** A browser's globals, which other platforms lack. */
type MaybeBrowser = Partial<
  Pick<typeof globalThis, 'addEventListener' | 'removeEventListener' | 'document'>
>

/**
 * Calls back when the network or the user is back.
 * @returns ends that
 */
export function whenBack(callback: () => void): () => void {
  const browser: MaybeBrowser = globalThis
  const { document } = browser
  const visible = () => {
    if (!document!.hidden) callback()
  }
  const both = (change: 'addEventListener' | 'removeEventListener') => {
    browser[change]?.('online', callback)
    document?.[change]('visibilitychange', visible)
  }
  both('addEventListener')
  return () => both('removeEventListener')
}
