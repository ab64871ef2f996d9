import { ReportedError } from '@onbehalf/errors'
import { parseJson } from './bounded-json.ts'
import { pause } from './deadline.ts'
import { malformed, noRoom } from './errors.ts'
import type { Exchange, Tools } from './exchange.ts'
import { isResumable, isStream, type Opened, openStream } from './open.ts'
import { passEvent } from './pass-event.ts'
import { type Answer, isJson, type Json, type ResponseHeaders } from './protocol.ts'
import { answerIn } from './read-answer.ts'
import { createSseParser, type SseEvent } from './sse.ts'

/** Reads a stream until the answer; one that ends before it is taken up again where it ended, if that is allowed. */
export const readStream = async (tools: Tools, request: Exchange, first: Opened): Promise<Answer> => {
  let opened = first
  let last: SseEvent | undefined
  for (let resumes = 0; ; resumes += 1) {
    const { answer, event, failure } = await readEvents(tools, opened, request)
    if (answer) return answer
    last = event ?? last
    const canResume = request.isResumable && resumes < tools.limits.resumesMax && !request.deadline.signal.aborted
    const id = canResume ? last?.id : undefined
    if (!isResumable(id)) throw failure ?? malformed('the stream ended before the answer')
    await pause(last?.retryMs ?? 0, request.deadline.signal)
    opened = await resume(tools, request, id)
  }
}

/** Reads a stream to the answer or its end, and tells of all else on it. `event` is its last one. Throws for nonsense. */
export const readEvents = async ({ limits }: Pick<Tools, 'limits'>, opened: Opened, request: Exchange) => {
  const parser = createSseParser()
  const { messageLengthMax = Number.POSITIVE_INFINITY } = request
  let event: SseEvent | undefined
  let isToBeHeld = false
  let passing: Promise<Answer> | undefined
  try {
    request.deadline.extend(request.sseReadTimeoutMs)
    for (let chunk = await opened.body.next(); chunk; chunk = await opened.body.next()) {
      request.deadline.extend(request.sseReadTimeoutMs)
      for (event of parser.push(chunk)) {
        if (!opened.body.hasRoomFor(event.data.length)) throw noRoom()
        const answer = readEvent(event, request, opened.headers)
        if (answer) {
          opened.body.handOver(request.onHeld)
          return { answer }
        }
      }
      const held = parser.held()
      const hasRoom = opened.body.hasRoomFor(held)
      if (held > messageLengthMax) throw malformed(`a message is longer than ${messageLengthMax} characters`)
      if (held <= limits.passBytesMin && hasRoom) isToBeHeld = false
      else if (!isToBeHeld && request.pass) {
        passing = passEvent(opened, request, limits, parser)
        if (passing !== undefined) return { answer: await passing }
        isToBeHeld = true
      }
      if (!hasRoom) throw noRoom()
    }
    return { event }
  } catch (failure) {
    // What was passed on in part is not taken up again: it would be said from its beginning.
    if (passing !== undefined || (failure instanceof ReportedError && failure.code !== 'upstream_unavailable'))
      throw failure
    return { event, failure }
  } finally {
    opened.body.release()
  }
}

const readEvent = ({ type, data }: SseEvent, request: Exchange, headers: ResponseHeaders): Answer | undefined => {
  if (type !== 'message' || data === '') return undefined
  const parsed = parseJson(data)
  const text = Array.isArray(parsed) ? undefined : data
  // 2025-03-26 may send several messages at once.
  for (const message of Array.isArray(parsed) ? parsed : [parsed]) {
    if (!isJson(message)) throw malformed('an event is not a JSON-RPC message')
    const answer = answerIn(message, request.id, headers, text)
    if (answer) return answer
    if (isIncoming(message)) request.onMessage(message)
  }
  return undefined
}

const resume = async (tools: Tools, request: Exchange, lastEventId: string): Promise<Opened> => {
  const opened = await openStream(tools, request, lastEventId)
  if (isStream(opened)) return opened
  opened.body.release()
  throw malformed('the stream ended before the answer and cannot be resumed')
}

const isIncoming = (message: Json): message is Json & { method: string } => typeof message.method === 'string'
