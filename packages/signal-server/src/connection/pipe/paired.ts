import { PAIRED_TEXT, type Paired } from 'signal-server-protocol'
import { Opcode, serverFrame } from './frame.js'
import type { PipeEnd } from './pipe-end.js'

const raw = serverFrame(Opcode.text, PAIRED_TEXT)

/**
 * Tells the clients of a new pipe that they are paired, if they offered `signal.v1`. If both offered a
 * hello for the link protocol, each gets that of the other. The hellos are not kept.
 */
export function tellPaired(first: PipeEnd, second: PipeEnd): void {
  const hellos = [first.hello, second.hello] as const
  const isLink = hellos.every((hello) => hello !== undefined)
  if (first.v1) first.write(isLink ? withHello(hellos[1]!) : raw)
  if (second.v1) second.write(isLink ? withHello(hellos[0]!) : raw)
  first.hello = undefined
  second.hello = undefined
}

const withHello = (link: string): Buffer =>
  serverFrame(Opcode.text, JSON.stringify({ type: 'Paired', link } satisfies Paired))
