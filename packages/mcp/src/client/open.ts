import { Ending } from '@onbehalf/egress'
import { Body } from './body.ts'
import { headerOf, UpstreamInsufficientScope, UpstreamUnauthorized } from './errors.ts'
import type { Exchange, Tools } from './exchange.ts'
import type { ResponseHeaders, Send } from './protocol.ts'

/** The head of an answer. Its body has to be read to its end or released. */
export type Opened = { status: number; headers: ResponseHeaders; mediaType: string; body: Body }

type Init = { method: 'POST' | 'GET'; headers: Record<string, string>; body?: string }

/** Sends one HTTP request, which `ending` ends. Its answer goes to `openedBy` at once, with the same one: else nobody releases it. */
export const sendOff = (
  { send }: Pick<Tools, 'send'>,
  { url, deadline, timeoutMs }: Pick<Exchange, 'url' | 'deadline' | 'timeoutMs'>,
  init: Init,
  ending: Ending
): ReturnType<Send> => {
  deadline.extend(timeoutMs)
  return send(url, {
    ...{ method: init.method, headers: init.headers, body: init.body, signal: ending },
    // The deadline ends both, and a stream's silence: a timer for each would be one too many.
    headersTimeoutMs: Number.POSITIVE_INFINITY,
    bodyTimeoutMs: Number.POSITIVE_INFINITY
  })
}

/** What the head of an answer says. Throws for 401 and missing scope. */
export const openedBy = (
  { status, headers, body }: Awaited<ReturnType<Send>>,
  ending: Ending,
  { limits, background, budget }: Tools,
  { holder }: Pick<Exchange, 'holder'>,
  isOnlyAnswer = true
): Opened => {
  const opened = new Body(body, ending, limits.answerBytesMax, { background, budget, holder })
  const challenge = headerOf(headers, 'www-authenticate')
  const isScopeMissing = status === 403 && challenge !== undefined && /\berror="?insufficient_scope\b/i.test(challenge)
  if (status === 401 || isScopeMissing) opened.release()
  if (status === 401) throw new UpstreamUnauthorized(challenge, isOnlyAnswer)
  if (isScopeMissing) throw new UpstreamInsufficientScope(challenge)
  return { status, headers, mediaType: mediaTypeOf(headerOf(headers, 'content-type') ?? ''), body: opened }
}

const mediaTypeOf = (contentType: string): string => {
  if (contentType === 'application/json') return contentType
  const [mediaType = ''] = contentType.split(';')
  return mediaType.trim().toLowerCase()
}

/** Opens the stream of a session by GET: anew, or where it ended (2025-11-25, resumability). */
export const openStream = async (tools: Tools, request: Exchange, lastEventId?: string): Promise<Opened> => {
  const { 'content-type': _, ...given } = request.headers
  const headers = {
    ...{ ...given, accept: 'text/event-stream' },
    ...(lastEventId !== undefined && { 'last-event-id': lastEventId })
  }
  const ending = new Ending(request.deadline.signal)
  const answer = await sendOff(tools, request, { method: 'GET', headers }, ending)
  return openedBy(answer, ending, tools, request, lastEventId === undefined)
}

export const isStream = ({ status, mediaType }: Opened): boolean => status === 200 && mediaType === 'text/event-stream'

/** Whether a stream can be taken up again after the event of this id: whether a header can carry it. */
export const isResumable = (id: string | undefined): id is string => id !== undefined && headerValue.test(id)

const headerValue = /^[\x20-\x7e]{1,1024}$/
