/* global __dirname */
// pm2: `pm2 start packages/signal-server-standalone/deploy/ecosystem.config.cjs`
const { join } = require('node:path')

module.exports = {
  apps: [
    {
      name: 'signal-server',
      cwd: join(__dirname, '..', '..', '..'),
      script: 'packages/signal-server-standalone/dist/start.js',
      node_args: '--initial-old-space-size=256',
      // a worker a core, which the server starts itself: those of pm2's cluster mode would not know
      // of each other's clients
      args: '--workers auto',
      exec_mode: 'fork',
      instances: 1,
      // longer than DRAIN_TIMEOUT
      kill_timeout: 20_000,
      env: { PORT: '8080', HOST: '127.0.0.1', TRUST_PROXY: '1' },
    },
  ],
}
