/**
 * The load process: takes the target and the request as JSON, prints one line of JSON, ends. It
 * also ends when the benchmark that started it does.
 */
import { runLoad, type LoadRequest } from './loads.js'
import type { Target } from './load-socket.js'

process.stdin.on('end', () => process.exit(1)).resume()

const { target, request } = JSON.parse(process.argv[2] ?? '') as {
  target: Target
  request: LoadRequest
}

const result = await runLoad(target, request)
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
