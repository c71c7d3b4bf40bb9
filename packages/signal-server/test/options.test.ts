import { defaults, SignalServer } from 'signal-server'
import { describe, expect, onTestFinished, test } from 'vitest'

/** Makes a server with options that its types may forbid. */
function make(options: object): SignalServer {
  const server = new SignalServer(options)
  onTestFinished(() => server.close())
  return server
}

const numbers = Object.entries(defaults)
  .filter(([, value]) => typeof value === 'number')
  .map(([name]) => name)

describe('an option', () => {
  test.each(numbers)('%s must be a number above 0', (name) => {
    for (const wrong of [0, -1, NaN, '5', null, true, {}, []]) {
      expect(() => make({ [name]: wrong })).toThrow(TypeError)
      expect(() => make({ [name]: wrong })).toThrow(`"${name}"`)
    }
  })

  test.each(numbers)('%s that is undefined has its default', (name) => {
    expect(() => make({ [name]: undefined })).not.toThrow()
  })

  test.each([
    'headersTimeout',
    'authorizeTimeout',
    'slowedTimeout',
    'holdTimeout',
    'drainTimeout',
    'closeTimeout',
  ])('%s cannot be longer than a timer can be set for, which would fire at once', (name) => {
    expect(() => make({ [name]: 2 ** 30 })).not.toThrow()
    for (const wrong of [2 ** 30 + 1, Infinity]) {
      expect(() => make({ [name]: wrong })).toThrow(`"${name}" must be at most`)
    }
  })

  test('that is unknown is refused, for it is mostly a typing error', () => {
    expect(() => make({ maxSocket: 5 })).toThrow('Unknown option "maxSocket".')
    expect(() => make({ constructor: 5 })).toThrow('Unknown option "constructor".')
  })

  test.each([
    [
      { maxHeldBytes: 2_000_000, maxBufferedBytes: 1_000_000, maxQueuedBytes: 1_000 },
      'maxHeldBytes',
    ],
    [{ maxQueuedBytes: 2_000_000, maxBufferedBytes: 1_000_000 }, 'maxQueuedBytes'],
    [{ maxKeysPerPeer: 11, maxRegistrations: 10 }, 'maxKeysPerPeer'],
    [{ maxInfoBytes: 2_000, maxMessageBytes: 1_000 }, 'maxInfoBytes'],
  ])('cannot contradict another: %j', (options, name) => {
    expect(() => make(options)).toThrow(`Option "${name}" must be at most`)
  })

  test.each([
    [{ authorize: true }],
    [{ origins: 'https://app.example' }],
    [{ origins: ['app.example'] }],
    [{ origins: ['https://app.example/'] }],
    [{ origins: ['https://app.example:443'] }],
    [{ origins: ['*'] }],
    [{ origins: [null] }],
    [{ trustProxy: 'nonsense' }],
    [{ trustProxy: null }],
    [{ trustProxy: ['10.0.0.0/99'] }],
    [{ iceServers: {} }],
    [{ iceServers: ['stun:stun.example'] }],
    [{ iceServers: [{ url: 'stun:stun.example' }] }],
    [{ iceServers: [{ urls: [] }] }],
    [{ exemptLoopback: 'no' }],
    [{ exemptUnknownProxies: 1 }],
  ])('of the wrong kind is named: %j', (options) => {
    expect(() => make(options)).toThrow(TypeError)
    expect(() => make(options)).toThrow(`"${Object.keys(options)[0]}"`)
  })

  test.each([
    [{ origins: [] }],
    [{ origins: ['https://app.example', 'http://localhost:5173', 'null'] }],
    [{ origins: ['capacitor://localhost', 'chrome-extension://abcdef', 'file://'] }],
    [{ trustProxy: true }],
    [{ trustProxy: 1 }],
    [{ trustProxy: 'loopback, 10.0.0.0/8' }],
    [{ trustProxy: ['2001:db8::/32'] }],
    [{ iceServers: [{ urls: 'stun:stun.example' }, { urls: ['turn:a', 'turn:b'] }] }],
    [{ iceServers: () => [] }],
    [{ maxPipeTime: Infinity, stallTimeout: Infinity, pingInterval: Infinity }],
  ])('of the right kind is taken: %j', (options) => {
    expect(() => make(options)).not.toThrow()
  })

  test('is not needed at all', () => {
    expect(() => make({})).not.toThrow()
  })
})
