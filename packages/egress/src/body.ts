import { pipeline, type Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { AnswerFault } from './failure.ts'
import { type Headers, headerOf } from './headers.ts'

// We ask for none of them; some servers send them all the same.
const decoders = new Map<string, () => Transform>([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
  ['zstd', createZstdDecompress]
])

export const tooLarge = (maxBytes: number): AnswerFault => new AnswerFault(`answered with more than ${maxBytes} bytes`)

/** Refuses a length that the head announces, before anything of it is read. */
export const checkLength = (headers: Headers, maxBytes: number): void => {
  if (Number(headerOf(headers, 'content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes)
}

const capped = async function* (source: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of source) {
    bytes += chunk.length
    if (bytes > maxBytes) throw tooLarge(maxBytes)
    yield chunk
  }
}

/** Whether a body has to be decoded. */
export const isCoded = (headers: Headers): boolean => codingOf(headers) !== 'identity'

const codingOf = (headers: Headers): string => headerOf(headers, 'content-encoding')?.toLowerCase() ?? 'identity'

export const collect = async (bytes: AsyncIterable<Uint8Array>): Promise<string> => {
  const chunks = []
  for await (const chunk of bytes) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

/** The body's bytes, decoded, never more than `maxBytes` of them, neither as they came nor decoded. */
export const readBody = (
  body: AsyncIterable<Uint8Array>,
  headers: Headers,
  maxBytes: number
): AsyncIterable<Uint8Array> => {
  const coding = codingOf(headers)
  if (coding === 'identity') return capped(body, maxBytes)
  const create = decoders.get(coding)
  if (create === undefined) throw new AnswerFault('answered in a content encoding that was not asked for')
  // The decoder carries a failure of either side to whoever reads it.
  const decoder = pipeline(capped(body, maxBytes), create(), () => undefined)
  return capped(decoder, maxBytes)
}
