import { version } from 'signal-server'
import type { Setting } from './setting.js'
import { listening } from './settings-table.js'

/** What `--help` shows: one screen, 24 lines of 80. */
export function help(): string {
  const flags = Object.values<Setting>(listening).filter(({ flag }) => flag !== undefined)
  const lines = flags.map(({ flag, value, env, about, fallback }) => {
    const left = `--${flag} ${value}`.padEnd(17) + env.padEnd(16)
    return `  ${left}${about}${fallback === undefined ? '' : ` (${fallback})`}`
  })
  return `🐟 signal-server ${version}
Introduces the peers of local-first apps to each other and pipes their
connections together.

  signal-server [options]      start one
  signal-server doctor URL     check one from outside, and say what is wrong
      [--token TOKEN] [--long]     with a token; with a minute of idling

Each option is also a variable of the environment; the option wins.

${lines.join('\n')}
  --env-file FILE  reads variables from it        --help, --version

Only in the environment: APP_SECRET and APP_PASS (tokens), STUN_URLS,
TURN_URLS and TURN_SECRET, REDIS_URL (several instances), TRUST_PROXY,
LOG_FORMAT=json, STATUS_PAGE=off, METRICS=off, DEMO=on (video calls), and
every limit. The file .env.example explains them all.
`
}
