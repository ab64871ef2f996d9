import { malformed } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { McpLimits } from './limits.ts'
import type { Opened } from './open.ts'
import { openPassage } from './pass-answer.ts'
import type { Answer } from './protocol.ts'
import type { SseParser } from './sse.ts'
import { readOn } from './sse-data.ts'

/**
 * Passes on an answer that is an event which has begun; undefined where it is not passed on, so that whoever reads the stream
 * holds it. Its bytes are decoded as those of any event are, and written anew.
 */
export const passEvent = (
  opened: Opened,
  request: Exchange,
  limits: McpLimits,
  parser: SseParser
): Promise<Answer> | undefined => {
  const { begun, ...event } = readOn(parser.unfinished())
  if (event.type() !== 'message') return undefined
  const way = { limits, silenceMs: request.sseReadTimeoutMs }
  const passage = openPassage(opened, request, [Buffer.from(begun)], way)
  if (!passage) return undefined
  parser.forget()
  const passOn = async (): Promise<Answer> => {
    await passage.begin()
    while (!event.isOver()) {
      const chunk = await opened.body.next()
      if (!chunk) throw malformed('the stream ended within the answer')
      await passage.give(Buffer.from(event.push(chunk)))
    }
    if (event.type() !== 'message') throw malformed('it is an event of another type')
    return passage.end()
  }
  return passOn()
}
