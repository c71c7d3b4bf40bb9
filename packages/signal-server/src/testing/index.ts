export { FaultyProxy, type FaultyProxyTarget } from './faulty-proxy.js'
