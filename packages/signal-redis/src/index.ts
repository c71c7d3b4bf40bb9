export { RedisBus } from './redis-bus.js'
