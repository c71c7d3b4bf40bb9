import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** The built modules of one checkout of this repository, as file URLs. */
export interface Checkout {
  /** The folder of the checkout. */
  readonly folder: string
  /** `signal-server`. */
  readonly library: string
  /** `signal-webrtc`. */
  readonly webrtc: string
  /** `signal-redis`. */
  readonly redis: string
  /** `signal-client` for Node. */
  readonly client: string
  /** The command of `signal-server-standalone`. */
  readonly command: string
}

const own = fileURLToPath(new URL('../..', import.meta.url))

/**
 * The modules of a checkout, which another version of the server may be in.
 *
 * @param folder - the root of the repository; this checkout if it is left out
 * @throws Error if nothing is built there
 */
export function checkoutAt(folder = own): Checkout {
  const root = resolve(folder)
  const built = (path: string) => pathToFileURL(resolve(root, 'packages', path)).href
  const checkout = {
    folder: root,
    library: built('signal-server/dist/index.js'),
    webrtc: built('signal-webrtc/dist/index.js'),
    redis: built('signal-redis/dist/index.js'),
    client: built('signal-client/dist/node.js'),
    command: built('signal-server-standalone/dist/start.js'),
  }
  if (!existsSync(fileURLToPath(checkout.library))) {
    throw new Error(`There is no built checkout at ${root}: run "yarn build" there.`)
  }
  return checkout
}
