import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { haproxyPath } from './contestants/contestants.js'
import { redisVersion } from './contestants/redis-server.js'

/** The version of an installed package, found from one of its modules. */
function packageVersion(name: string, module = name): string {
  const entry = new URL(import.meta.resolve(module)).pathname
  const folder = entry.slice(0, entry.lastIndexOf(`node_modules/${name}/`))
  const file = `${folder}node_modules/${name}/package.json`
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

function haproxyVersion(): string[] {
  const { stdout } = spawnSync(haproxyPath, ['-v'], { encoding: 'utf8' })
  const version = /version (\S+?)[-\s]/.exec(stdout ?? '')?.[1]
  return version === undefined ? [] : [`HAProxy ${version}`]
}

/** What was measured on, and with what: a Markdown list. */
export function machine(rounds: number, idle: boolean): string {
  const versions = [
    `Node ${process.versions.node}`,
    `@localfirst/relay ${packageVersion('@localfirst/relay', '@localfirst/relay/Server.js')}`,
    `ws ${packageVersion('ws')}`,
    `PeerJS server ${packageVersion('peer')}`,
    ...haproxyVersion(),
    ...[redisVersion() ?? []].flat(),
  ]
  const gigabytes = Math.round(totalmem() / 2 ** 30)
  return [
    `- ${new Date().toISOString().slice(0, 10)}, medians of ${rounds} rounds`,
    `- ${cpus()[0]?.model.trim() ?? 'an unknown CPU'}, ${cpus().length} cores, ` +
      `${gigabytes} GB, Linux ${release().split('-')[0]}`,
    `- ${versions.join(', ')}`,
    ...(idle ? [] : ['- The machine was busy with other things, too.']),
  ].join('\n')
}
