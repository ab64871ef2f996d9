import { ReportedError } from '@onbehalf/errors'
import type { Background } from './background.ts'
import { type Body, linkTo, openBody } from './body.ts'
import type { Deadline } from './deadline.ts'
import { headerOf, malformed, refusal, UpstreamInsufficientScope, UpstreamUnauthorized } from './errors.ts'
import type { McpLimits } from './limits.ts'
import { memberText } from './member-text.ts'
import { type Answer, isJson, isRpcError, type Json, type ResponseHeaders, type Send } from './protocol.ts'
import { createSseParser, type SseEvent } from './sse.ts'

/** What every exchange of a client shares. */
export type Tools = { send: Send; limits: McpLimits; background: Background }

/** One request on its way: where to, how long, and who hears what comes before the answer. */
export type Exchange = {
  url: string
  headers: Record<string, string>
  id: number
  body: string
  deadline: Deadline
  timeoutMs: number
  sseReadTimeoutMs: number
  /** Of an event before it is complete, in characters; unset: only the whole stream is bounded. */
  messageLengthMax?: number
  /** A notification or request of the server, on our stream. */
  onMessage: (message: Json & { method: string }) => void
  /** Whether a stream that ends early is taken up again with Last-Event-ID (2025-11-25, resumability). */
  isResumable: boolean
}

/** Posts one JSON-RPC request and reads until its answer. Throws for 401, missing scope, silence and nonsense. */
export const exchange = async (tools: Tools, request: Exchange): Promise<Answer> => {
  try {
    return await post(tools, request)
  } catch (thrown) {
    throw request.deadline.explain(thrown)
  }
}

const post = async (tools: Tools, request: Exchange): Promise<Answer> => {
  const { headers, body: text } = request
  const opened = await open(tools, request, { method: 'POST', headers, body: text })
  const isAccepted = opened.status >= 200 && opened.status < 300
  if (isAccepted && opened.mediaType === 'text/event-stream') return readStream(tools, request, opened)
  try {
    if (!isAccepted) return await readRefusal(opened, tools.limits)
    if (opened.mediaType === 'application/json') return await readJson(opened, request, tools.limits)
    return { kind: 'refused', status: opened.status, headers: opened.headers }
  } finally {
    opened.body.release()
  }
}

type Listening = Omit<Exchange, 'id' | 'body' | 'isResumable'> & { onOpen: () => void }

/** What servers answer that have no such stream; 405 is the rule. */
const withoutStream: ReadonlySet<number> = new Set([400, 404, 405, 406, 501])

/** Reads the stream that a GET opens until the server ends it; false where it has none. */
export const listen = async (tools: Tools, { onOpen, ...given }: Listening): Promise<boolean> => {
  const request = { ...given, id: 0, body: '', isResumable: false }
  try {
    const opened = await open(tools, request, { method: 'GET', headers: request.headers })
    const { status, mediaType, headers } = opened
    if (status === 200 && mediaType === 'text/event-stream') onOpen()
    else opened.body.release()
    if (withoutStream.has(status)) return false
    if (status !== 200 || mediaType !== 'text/event-stream') throw refusal(status, headers)
    const { failure } = await readEvents(opened, request)
    if (failure) throw failure
    return true
  } catch (thrown) {
    throw request.deadline.explain(thrown)
  }
}

export type Opened = { status: number; headers: ResponseHeaders; mediaType: string; body: Body }

export const open = async (
  { send, limits, background }: Tools,
  { url, deadline, timeoutMs, sseReadTimeoutMs }: Exchange,
  init: { method: 'POST' | 'GET'; headers: Record<string, string>; body?: string },
  isOnlyAnswer = true
): Promise<Opened> => {
  deadline.extend(timeoutMs)
  const link = linkTo(deadline.signal)
  const { status, headers, body } = await send(url, {
    ...init,
    signal: link.signal,
    headersTimeoutMs: timeoutMs,
    bodyTimeoutMs: Math.max(timeoutMs, sseReadTimeoutMs)
  })
  const opened = openBody(body, { link, bytesMax: limits.answerBytesMax, background })
  const challenge = headerOf(headers, 'www-authenticate')
  const isScopeMissing = status === 403 && challenge !== undefined && /\berror="?insufficient_scope\b/i.test(challenge)
  if (status === 401 || isScopeMissing) opened.release()
  if (status === 401) throw new UpstreamUnauthorized(challenge, isOnlyAnswer)
  if (isScopeMissing) throw new UpstreamInsufficientScope(challenge)
  const [mediaType = ''] = (headerOf(headers, 'content-type') ?? '').split(';')
  return { status, headers, mediaType: mediaType.trim().toLowerCase(), body: opened }
}

const readRefusal = async ({ status, headers, mediaType, body }: Opened, limits: McpLimits): Promise<Answer> => {
  if (mediaType !== 'application/json') return { kind: 'refused', status, headers }
  const message = parse(await body.text(limits.refusalBytesMax))
  // A refusal of what could not be read has the id null, so the id says nothing here.
  if (isJson(message) && isRpcError(message.error) && status < 500) {
    return { kind: 'error', status, error: message.error }
  }
  return { kind: 'refused', status, headers }
}

const readJson = async ({ headers, body }: Opened, { id }: Exchange, limits: McpLimits): Promise<Answer> => {
  const text = await body.text(limits.answerBytesMax)
  const message = parse(text)
  const answer = isJson(message) ? answerIn(message, id, headers, text) : undefined
  if (!answer) throw malformed('it holds no JSON-RPC answer')
  return answer
}

const readStream = async (tools: Tools, request: Exchange, first: Opened): Promise<Answer> => {
  let opened = first
  let last: SseEvent | undefined
  for (let resumes = 0; ; resumes += 1) {
    const { answer, event, failure } = await readEvents(opened, request)
    if (answer) return answer
    last = event ?? last
    const { id = '', retryMs = 0 } = last ?? {}
    const canResume = request.isResumable && resumable.test(id) && resumes < tools.limits.resumesMax
    if (!canResume || request.deadline.signal.aborted) throw failure ?? malformed('the stream ended before the answer')
    await pause(retryMs, request.deadline.signal)
    opened = await resume(tools, request, id)
  }
}

// What a header can carry.
export const resumable = /^[\x20-\x7e]{1,1024}$/

export const readEvents = async (opened: Opened, request: Exchange) => {
  const parser = createSseParser()
  const { messageLengthMax = Number.POSITIVE_INFINITY } = request
  let event: SseEvent | undefined
  try {
    request.deadline.extend(request.sseReadTimeoutMs)
    for (let chunk = await opened.body.next(); chunk; chunk = await opened.body.next()) {
      request.deadline.extend(request.sseReadTimeoutMs)
      for (event of parser.push(chunk)) {
        const answer = readEvent(event, request, opened.headers)
        if (answer) return { answer }
      }
      if (parser.held() > messageLengthMax) throw malformed(`a message is longer than ${messageLengthMax} characters`)
    }
    return { event }
  } catch (failure) {
    if (failure instanceof ReportedError && failure.code !== 'upstream_unavailable') throw failure
    return { event, failure }
  } finally {
    opened.body.release()
  }
}

const readEvent = ({ type, data }: SseEvent, request: Exchange, headers: ResponseHeaders): Answer | undefined => {
  if (type !== 'message' || data === '') return undefined
  const parsed = parse(data)
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
  const { 'content-type': _, ...headers } = request.headers
  const init = {
    method: 'GET',
    headers: { ...headers, accept: 'text/event-stream', 'last-event-id': lastEventId }
  } as const
  const opened = await open(tools, request, init, false)
  if (opened.status === 200 && opened.mediaType === 'text/event-stream') return opened
  opened.body.release()
  throw malformed('the stream ended before the answer and cannot be resumed')
}

const answerIn = (
  message: Json,
  id: number,
  headers: ResponseHeaders,
  text: string | undefined
): Answer | undefined => {
  if (message.method !== undefined) return undefined
  // An error about a request that could not be read has the id null (JSON-RPC 2.0 §5).
  const isOurs = message.id === id || ((message.id ?? null) === null && message.error !== undefined)
  if (!isOurs) throw malformed('it answers another request')
  if (isRpcError(message.error)) return { kind: 'error', status: 200, error: message.error }
  const { result } = message
  if (!isJson(result)) throw malformed('it holds neither a result nor an error')
  const resultText = () => (text === undefined ? undefined : memberText(text, 'result')) ?? JSON.stringify(result)
  return { kind: 'result', result, resultText, headers }
}

const isIncoming = (message: Json): message is Json & { method: string } => typeof message.method === 'string'

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw malformed('it is not valid JSON', cause)
  }
}

export const pause = (ms: number, signal: AbortSignal): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const stop = () => {
    clearTimeout(timer)
    reject(signal.reason)
  }
  const timer = setTimeout(() => {
    signal.removeEventListener('abort', stop)
    resolve()
  }, ms)
  signal.addEventListener('abort', stop, { once: true })
  return promise
}
