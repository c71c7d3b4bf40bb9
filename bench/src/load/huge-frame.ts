import { randomBytes } from 'node:crypto'
import { forgetPeak, peakResidentBytes, residentBytes, startMeasuring } from '../measure.js'
import { Opcode } from 'signal-test-kit'
import { clientHeader } from './frames.js'
import type { Target } from './load-socket.js'
import type { Metrics, Sample } from './metrics.js'
import { openPair } from './pairs.js'

/** One message in one frame of `bytes`, and the server's memory while it passes. */
export async function hugeFrame(
  target: Target,
  { bytes }: { bytes: number },
  record: (sample: Sample) => void,
): Promise<Metrics> {
  const pair = await openPair(target, 1)
  const mask = randomBytes(4)
  const header = clientHeader(Opcode.binary, bytes, mask)
  // Any bytes are a payload, whatever the mask; each chunk is written many times.
  const chunk = Buffer.alloc(256 * 1024, mask)
  forgetPeak(target.pids)
  const before = residentBytes(target.pids)
  const began = performance.now()
  const sample = () => {
    if (pair.a.closed) return
    record([(performance.now() - began) / 1000, residentBytes(target.pids) - before])
  }
  const sampling = setInterval(sample, 25)
  const refused = new Promise<never>((_, reject) => {
    pair.a.onClose = (reason) => reject(new Error(reason))
  })
  const cost = startMeasuring(target.pids)
  const arrived = pair.b.arrival(pair.arriving(bytes), 'the frame', 60)
  pair.a.write(header)
  let left = bytes
  const pump = () => {
    while (left > 0) {
      const size = Math.min(left, chunk.length)
      left -= size
      if (!pair.a.write(size === chunk.length ? chunk : chunk.subarray(0, size))) return
    }
  }
  pair.a.socket.on('drain', pump)
  pump()
  try {
    await Promise.race([arrived, refused])
  } finally {
    clearInterval(sampling)
  }
  const { seconds, serverCpu, serverBusy, loadBusy } = cost()
  sample()
  return {
    seconds,
    bytesPerSecond: bytes / seconds,
    secondsPerGigabyte: serverCpu / (bytes / 1e9),
    grownBytes: peakResidentBytes(target.pids) - before,
    serverBusy,
    loadBusy,
  }
}
