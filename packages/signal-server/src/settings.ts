import { inspect } from 'node:util'
import type { IceServer } from 'signal-server-protocol'
import { addressFinder, type TrustProxy } from './address.js'
import type { Bus } from './bus/bus.js'
import { defaults, type Settings, type SignalServerOptions } from './options.js'

// a timer that is set for longer than 2^31 - 1 ms fires at once; two of these are added up
const longestTime = 2 ** 30
// ws keeps the size of a message as an integer of 32 bits
const largestMessage = 2 ** 31 - 1

const highest: Partial<Record<keyof Settings, number>> = {
  headersTimeout: longestTime,
  authorizeTimeout: longestTime,
  slowedTimeout: longestTime,
  holdTimeout: longestTime,
  drainTimeout: longestTime,
  closeTimeout: longestTime,
  maxMessageBytes: largestMessage,
}

/**
 * Fills in the defaults.
 * @throws TypeError that names the option which is unknown, of the wrong type, out of range, or
 * contradicted by another
 */
export function settingsFrom(options: SignalServerOptions): Settings {
  if (typeof options !== 'object' || options === null) {
    const given = inspect(options, { breakLength: Infinity })
    throw new TypeError(`The options must be an object such as { maxSockets: 100 }, not ${given}.`)
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(defaults, name)) throw new TypeError(`Unknown option "${name}".`)
    if (value !== undefined) check(name as keyof Settings, value)
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined))
  const settings: Settings = { ...defaults, ...given }
  type Size =
    | 'maxHeldBytes'
    | 'maxQueuedBytes'
    | 'maxBufferedBytes'
    | 'maxKeysPerPeer'
    | 'maxRegistrations'
    | 'maxInfoBytes'
    | 'maxMessageBytes'
  const atMost = (low: Size, high: Size) => {
    if (settings[low] > settings[high]) {
      throw new TypeError(`Option "${low}" must be at most "${high}" (${settings[high]}).`)
    }
  }
  atMost('maxHeldBytes', 'maxBufferedBytes')
  atMost('maxQueuedBytes', 'maxBufferedBytes')
  atMost('maxKeysPerPeer', 'maxRegistrations')
  atMost('maxInfoBytes', 'maxMessageBytes')
  return settings
}

function check(name: keyof Settings, value: unknown): void {
  const wrong = (expected: string) => {
    const given = inspect(value, { breakLength: Infinity })
    throw new TypeError(`Option "${name}" must be ${expected}, not ${given}.`)
  }
  if (typeof defaults[name] === 'number') {
    const most = highest[name] ?? Infinity
    if (typeof value !== 'number' || !(value > 0)) wrong('a number above 0')
    else if (value > most) wrong(`at most ${most}`)
  } else if (typeof defaults[name] === 'boolean' && name !== 'trustProxy') {
    if (typeof value !== 'boolean') wrong('true or false')
  } else if (name === 'authorize') {
    if (typeof value !== 'function') wrong('a function')
  } else if (name === 'bus') {
    if (!isBus(value)) wrong('a bus, such as new RedisBus(url), with publish, subscribe and watch')
  } else if (name === 'origins') {
    if (!Array.isArray(value) || !value.every(isOrigin)) {
      wrong('a list of origins such as "https://app.example", or "null"')
    }
  } else if (name === 'trustProxy') {
    if (!isTrust(value)) {
      wrong('true, false, a number of proxies, or their addresses such as "10.0.0.0/8, loopback"')
    }
  } else if (name === 'iceServers') {
    if (typeof value !== 'function' && !(Array.isArray(value) && value.every(isIceServer))) {
      wrong('a list of ICE servers such as { urls: "stun:stun.example" }, or a function')
    }
  }
}

function isBus(value: unknown): boolean {
  const { publish, subscribe, watch } = (value ?? {}) as Partial<Bus>
  return [publish, subscribe, watch].every((method) => typeof method === 'function')
}

function isTrust(value: unknown): boolean {
  try {
    addressFinder(value as TrustProxy)
    return true
  } catch {
    return false
  }
}

/** As a browser writes it; apps have schemes of their own, and sandboxed pages are "null". */
function isOrigin(value: unknown): boolean {
  if (typeof value !== 'string') return false
  if (!/^https?:/.test(value))
    return value === 'null' || /^[a-z][a-z0-9+.-]*:\/\/[^/\s]*$/.test(value)
  return URL.canParse(value) && new URL(value).origin === value
}

function isIceServer(value: unknown): boolean {
  const { urls } = (value ?? {}) as Partial<IceServer>
  const list = typeof urls === 'string' ? [urls] : urls
  return Array.isArray(list) && list.length > 0 && list.every((url) => typeof url === 'string')
}
