import { readFile } from 'node:fs/promises'

/** The ends of a TCP connection. */
export interface Ports {
  readonly localPort?: number | undefined
  readonly remotePort?: number | undefined
}

/**
 * What the kernel still has to send on each TCP connection, as it is at one moment. A reader that
 * takes 20 KB/s moves a server's own queue only once a minute, for the kernel takes megabytes at a
 * time; here it is seen to move every few seconds. Only Linux tells (proc(5), /proc/net/tcp).
 */
export class KernelQueues {
  readonly #byPorts = new Map<string, string>()

  private constructor(tables: readonly string[]) {
    for (const table of tables) {
      for (const [, local, remote, queue] of table.matchAll(
        /:(\w{4}) \w+:(\w{4}) \w\w (\w{8}):/g,
      )) {
        const ports = `${local}:${remote}`
        this.#byPorts.set(ports, (this.#byPorts.get(ports) ?? '') + queue)
      }
    }
  }

  /** @returns undefined where the system does not tell */
  static async look(): Promise<KernelQueues | undefined> {
    try {
      const files = ['/proc/net/tcp', '/proc/net/tcp6']
      return new KernelQueues(await Promise.all(files.map((file) => readFile(file, 'latin1'))))
    } catch {
      return undefined
    }
  }

  /**
   * Something that differs when the queue does. Where several clients happen to have the same
   * ports, it differs when the queue of any of them does.
   */
  of({ localPort, remotePort }: Ports): string | undefined {
    if (localPort === undefined || remotePort === undefined) return undefined
    return this.#byPorts.get(`${hex(localPort)}:${hex(remotePort)}`)
  }
}

const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0')
