export type ServerEvent = { name: string; data: string }

/** Reads server-sent events out of pieces of text. */
export async function* eventsOf(pieces: AsyncIterable<string>): AsyncGenerator<ServerEvent> {
  let held = ''
  for await (const piece of pieces) {
    held += piece
    const blocks = held.split(/\r?\n\r?\n/)
    held = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = eventOf(block)
      if (event) yield event
    }
  }
}

const eventOf = (block: string): ServerEvent | undefined => {
  const fields = block.split(/\r?\n/).map((line): [string, string] => {
    const [name = '', ...rest] = line.split(':')
    return [name, rest.join(':').replace(/^ /, '')]
  })
  const data = fields.filter(([name]) => name === 'data').map(([, value]) => value)
  if (data.length === 0) return undefined
  return { name: fields.find(([name]) => name === 'event')?.[1] ?? 'message', data: data.join('\n') }
}
