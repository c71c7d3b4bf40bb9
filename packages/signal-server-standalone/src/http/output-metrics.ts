import { Counter, type Registry } from 'prom-client'
import { standardOutputs } from '../line-output.js'

/** Counts the lines that this process could not write. */
export function outputMetrics(registry: Registry): void {
  const outputs = standardOutputs()
  new Counter({
    name: 'signal_lines_dropped_total',
    help: 'Lines that could not be written: nobody reads, or the disk is full.',
    labelNames: ['stream'],
    registers: [registry],
    collect() {
      this.reset()
      this.inc({ stream: 'stdout' }, outputs.stdout.dropped)
      this.inc({ stream: 'stderr' }, outputs.stderr.dropped)
    },
  })
}
