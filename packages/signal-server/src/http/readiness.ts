import type { Instances } from '../cluster/instances.js'

/** An answer of `/readyz`. */
export interface Readiness {
  status: 200 | 503
  body: { status: 'ready' | 'starting' | 'draining'; bus?: 'up' | 'down'; reason?: string }
}

/**
 * Whether a load balancer may send clients here. An instance that has never reached the others since
 * its start is not ready: its clients would find nobody, and a rollout with a wrong setting has to
 * stop. One that has lost the bus later stays ready, because all instances lose it together, and none
 * would be left for what works without it.
 */
export function readiness(
  draining: boolean,
  instances: Pick<Instances, 'bus' | 'joined'> | undefined,
): Readiness {
  if (draining) return { status: 503, body: { status: 'draining' } }
  if (!instances) return { status: 200, body: { status: 'ready' } }
  const { bus, joined } = instances
  const body = {
    bus: bus.up ? ('up' as const) : ('down' as const),
    ...(!bus.up && bus.reason !== undefined && { reason: bus.reason }),
  }
  if (!joined) return { status: 503, body: { status: 'starting', ...body } }
  return { status: 200, body: { status: 'ready', ...body } }
}
