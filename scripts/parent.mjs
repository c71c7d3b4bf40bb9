/**
 * Ends this process, as a SIGTERM would, when the shell that npm started it with is gone.
 * npm passes a SIGTERM on to that shell, and not every shell passes it on to us.
 */
export function endWithParent() {
  if (!process.env.npm_lifecycle_event) return
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    process.kill(process.pid, 'SIGTERM')
  }, 250)
  watch.unref()
}
