export { runBusTests, type JoinedBuses, type TestFunction } from './bus-tests.js'
export { FaultyBus } from './faulty-bus.js'
export { FaultyProxy, type FaultyProxyTarget } from './faulty-proxy.js'
