export { FaultyBus } from './faulty-bus.js'
export { FaultyProxy, type FaultyProxyTarget } from './faulty-proxy.js'
