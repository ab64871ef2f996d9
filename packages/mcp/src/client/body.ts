import type { Background } from './background.ts'
import { malformed } from './errors.ts'

/** The bytes of one answer: counted, bounded, and given back to the connection when enough was read. */
export type Body = {
  next: () => Promise<Uint8Array | undefined>
  text: (bytesMax: number) => Promise<string>
  /** Reads the little that is left, so that the connection can be used again, or else closes it. */
  release: () => void
}

/** A signal of one exchange, which follows the deadline's and can end alone. */
export type Link = { signal: AbortSignal; abort: () => void; unlink: () => void }

export const linkTo = (signal: AbortSignal): Link => {
  const controller = new AbortController()
  const abort = () => controller.abort()
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  return { signal: controller.signal, abort, unlink: () => signal.removeEventListener('abort', abort) }
}

/** Reads what nobody wants, so that the connection can be used again, unless it is more than `bytesMax`. */
export const discard = async (body: AsyncIterable<Uint8Array>, bytesMax: number): Promise<void> => {
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.byteLength
    if (bytes > bytesMax) return
  }
}

export const openBody = (
  source: AsyncIterable<Uint8Array>,
  { link, bytesMax, background }: { link: Link; bytesMax: number; background: Background }
): Body => {
  const iterator = source[Symbol.asyncIterator]()
  let bytes = 0
  let isDone = false

  const next = async (): Promise<Uint8Array | undefined> => {
    const step = await iterator.next()
    if (step.done) {
      isDone = true
      link.unlink()
      return undefined
    }
    bytes += step.value.byteLength
    if (bytes > bytesMax) throw malformed(`it is larger than ${bytesMax} bytes`)
    return step.value
  }

  const text = async (max: number): Promise<string> => {
    const chunks: Uint8Array[] = []
    let size = 0
    for (let chunk = await next(); chunk; chunk = await next()) {
      chunks.push(chunk)
      size += chunk.byteLength
      if (size > max) throw malformed(`it is larger than ${max} bytes`)
    }
    const [first] = chunks
    // Most answers come in one piece, which need not be copied.
    const whole =
      first && chunks.length === 1 ? Buffer.from(first.buffer, first.byteOffset, size) : Buffer.concat(chunks)
    return whole.toString()
  }

  const drain = async () => {
    const drainMs = 250
    const drainBytesMax = bytes + 64 * 1024
    const giveUp = setTimeout(link.abort, drainMs)
    try {
      while (bytes < drainBytesMax && (await next())) {}
    } finally {
      clearTimeout(giveUp)
      if (!isDone) await close()
    }
  }

  const close = async () => {
    link.abort()
    link.unlink()
    await iterator.return?.()
  }

  return {
    next,
    text,
    release: () => {
      if (!isDone) background.run(link.signal.aborted ? close : drain)
    }
  }
}
