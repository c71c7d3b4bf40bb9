/** A browser's globals, which other platforms lack. */
type MaybeBrowser = Partial<Pick<typeof globalThis, 'addEventListener' | 'document'>>

/**
 * Calls back when the network or the user is back.
 * @returns ends that
 */
export function whenBack(callback: () => void): () => void {
  const end = new AbortController()
  const { signal } = end
  const browser: MaybeBrowser = globalThis
  const { document } = browser
  browser.addEventListener?.('online', callback, { signal })
  document?.addEventListener(
    'visibilitychange',
    () => {
      if (!document.hidden) callback()
    },
    { signal },
  )
  return () => end.abort()
}
