import type { Checkout } from '../checkout.js'
import { ServerProcess } from '../server/server-process.js'
import { flap } from '../storms/flapping.js'
import { tokenOf } from '../token.js'

/** How often each of 20 honest clients dials a peer that comes and goes, a second. */
export async function dialsPerSecond(checkout: Checkout): Promise<number> {
  const server = await ServerProcess.start({}, checkout)
  try {
    const target = { port: server.port, token: await tokenOf(), headers: {}, checkout }
    const { dials, clients, seconds } = await flap(target, 20, 10)
    return Math.round((dials / clients / seconds) * 10) / 10
  } finally {
    await server.stop()
  }
}
