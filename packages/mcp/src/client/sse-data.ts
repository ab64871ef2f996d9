/** An event of a stream that has begun and not ended, as far as it came. */
export type Unfinished = {
  type: string
  /** The values of its data lines. */
  data: readonly string[]
  /** The line that has not ended. */
  line: string
  endedWithReturn: boolean
  decode: (chunk: Uint8Array) => string
}

export type EventData = {
  /** More of the event; gives what of it is data. What follows the event is not looked at. */
  push: (chunk: Uint8Array) => string
  isOver: () => boolean
  /** Its type, which may stand behind its data. */
  type: () => string
}

// Enough of a line to know what it is, unless it is data.
const lineLengthMax = 1_024

/** Reads on within an event without holding its data; `begun` is its data so far. */
export const readOn = ({ data, decode, ...given }: Unfinished): EventData & { begun: string } => {
  let { type, endedWithReturn } = given
  let line = ''
  let isData = false
  let hasData = data.length > 0
  let isOver = false

  const beginData = (value: string): string => {
    const end = hasData ? '\n' : ''
    hasData = true
    return end + value
  }

  const goOnWith = (part: string): string => {
    if (isData) return part
    if (line.length < lineLengthMax) line += part
    const value = valueIn(line, 'data')
    // Whether a space follows the colon decides where the value begins.
    if (value === undefined || line.length <= 'data:'.length) return ''
    isData = true
    line = ''
    return beginData(value)
  }

  const endLine = (): string => {
    if (isData) {
      isData = false
      return ''
    }
    isOver = line === ''
    type = valueIn(line, 'event') ?? type
    const isEmptyData = valueIn(line, 'data') !== undefined
    line = ''
    return isEmptyData ? beginData('') : ''
  }

  const push = (chunk: Uint8Array): string => {
    let text = decode(chunk)
    if (text === '') return ''
    if (endedWithReturn && text.startsWith('\n')) text = text.slice(1)
    endedWithReturn = text.endsWith('\r')
    let read = ''
    let start = 0
    for (const end of text.matchAll(/\r\n|\r|\n/g)) {
      read += goOnWith(text.slice(start, end.index)) + endLine()
      if (isOver) return read
      start = end.index + end[0].length
    }
    return read + goOnWith(text.slice(start))
  }

  const begun = data.join('\n') + goOnWith(given.line)
  return { begun, push, isOver: () => isOver, type: () => type || 'message' }
}

/** The value of a line that is such a field (WHATWG HTML §9.2.6). */
const valueIn = (line: string, name: string): string | undefined => {
  if (line === name) return ''
  if (!line.startsWith(`${name}:`)) return undefined
  return line.slice(line[name.length + 1] === ' ' ? name.length + 2 : name.length + 1)
}
