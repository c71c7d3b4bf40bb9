import { Router } from 'express'
import { Registry } from 'prom-client'

// collecting takes some milliseconds: the result is good for so many times as long, up to a second
const mostOfTime = 20
const oldest = 1_000

/** `/metrics`, where Prometheus looks. Many who ask at once get what was collected for one. */
export function metricsRouter(collect: () => Promise<string>): Router {
  let latest: Promise<string> | undefined
  let until = 0
  const metrics = () => {
    const start = performance.now()
    if (latest && start < until) return latest
    until = Infinity
    latest = collect().finally(() => {
      const now = performance.now()
      until = now + Math.min(oldest, (now - start) * mostOfTime)
    })
    return latest
  }
  const router = Router()
  router.get('/metrics', async (_request, response) => {
    response.set({
      'Content-Type': Registry.PROMETHEUS_CONTENT_TYPE,
      'Cache-Control': 'no-store',
    })
    response.send(await metrics())
  })
  return router
}
