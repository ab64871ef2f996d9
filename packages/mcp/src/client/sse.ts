import { joinTexts, Pieces } from './pieces.ts'
import type { Unfinished } from './sse-data.ts'

/** One event of a stream (WHATWG HTML §9.2.6), with the last id and the reconnection time seen so far. */
export type SseEvent = { type: string; data: string; id: string | undefined; retryMs: number | undefined }

const linesJoinedAt = 1_000
const idLengthMax = 1_024

export type SseParser = {
  push: (chunk: Uint8Array) => SseEvent[]
  /** Characters of an event that is not complete yet. */
  held: () => number
  /** That event, for who reads on in it; then this parser has to forget it, and reads no more. */
  unfinished: () => Unfinished
  forget: () => void
}

/**
 * Reads an event stream chunk by chunk. Work is linear in the bytes also when a line comes in many small pieces;
 * the size is bounded by whoever reads the bytes. An event cut off by the end of the stream is never dispatched.
 */
export const createSseParser = (): SseParser => {
  const decoder = new TextDecoder()
  const pieces = new Pieces(joinTexts)
  let piecesLength = 0
  let endedWithReturn = false
  let type = ''
  let data: string[] = []
  // Those that were joined: in short lines it would take many times its length.
  let joined: string[] = []
  let dataLength = 0
  let id: string | undefined
  let retryMs: number | undefined

  const fields: Record<string, (value: string) => void> = {
    event: (value) => {
      type = value
    },
    data: (value) => {
      data.push(value)
      dataLength += value.length + 1
      if (data.length === linesJoinedAt) joined.push(data.splice(0).join('\n'))
    },
    id: (value) => {
      // It is held for as long as the stream.
      if (!value.includes('\0')) id = value.length <= idLengthMax ? value : undefined
    },
    retry: (value) => {
      if (/^\d{1,9}$/.test(value)) retryMs = Number(value)
    }
  }

  const dataLines = () => (joined.length === 0 ? data : [...joined, ...data])
  const forgetData = () => {
    data = []
    joined = []
    dataLength = 0
  }

  const take = (line: string): SseEvent | undefined => {
    if (line === '') {
      const lines = dataLines()
      const event = { type: type || 'message', data: lines.join('\n'), id, retryMs }
      const isWorthTelling = lines.length > 0
      type = ''
      forgetData()
      return isWorthTelling ? event : undefined
    }
    const colon = line.indexOf(':')
    if (colon === 0) return undefined
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (Object.hasOwn(fields, name)) fields[name]?.(value)
    return undefined
  }

  const push = (chunk: Uint8Array): SseEvent[] => {
    let text = decoder.decode(chunk, { stream: true })
    if (text === '') return []
    if (endedWithReturn && text.startsWith('\n')) text = text.slice(1)
    endedWithReturn = text.endsWith('\r')
    const events: SseEvent[] = []
    let start = 0
    for (const end of text.matchAll(/\r\n|\r|\n/g)) {
      const rest = text.slice(start, end.index)
      const line = pieces.count === 0 ? rest : joinTexts(pieces.take()) + rest
      piecesLength = 0
      start = end.index + end[0].length
      const event = take(line)
      if (event) events.push(event)
    }
    if (start < text.length) {
      pieces.push(text.slice(start))
      piecesLength += text.length - start
    }
    return events
  }

  const unfinished = (): Unfinished => ({
    ...{ type, data: dataLines(), line: joinTexts(pieces.seen()), endedWithReturn },
    decode: (chunk) => decoder.decode(chunk, { stream: true })
  })

  const forget = () => {
    pieces.take()
    forgetData()
  }

  return { push, held: () => piecesLength + dataLength, unfinished, forget }
}
