import { Ending } from '@onbehalf/egress'
import { Body } from './body.ts'
import { headerOf, UpstreamInsufficientScope, UpstreamUnauthorized } from './errors.ts'
import type { Exchange, Tools } from './exchange.ts'
import type { ResponseHeaders } from './protocol.ts'

/** The head of an answer. Its body has to be read to its end or released. */
export type Opened = { status: number; headers: ResponseHeaders; mediaType: string; body: Body }

/** Sends one HTTP request and waits for the head of its answer. Throws for 401 and missing scope. */
export const open = async (
  { send, limits, background, budget }: Tools,
  { url, holder, deadline, timeoutMs }: Exchange,
  init: { method: 'POST' | 'GET'; headers: Record<string, string>; body?: string },
  isOnlyAnswer = true
): Promise<Opened> => {
  deadline.extend(timeoutMs)
  const ending = new Ending(deadline.signal)
  const { status, headers, body } = await send(url, {
    ...{ method: init.method, headers: init.headers, body: init.body, signal: ending },
    // The deadline ends both, and a stream's silence: a timer for each would be one too many.
    headersTimeoutMs: Number.POSITIVE_INFINITY,
    bodyTimeoutMs: Number.POSITIVE_INFINITY
  })
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
export const openStream = (tools: Tools, request: Exchange, lastEventId?: string): Promise<Opened> => {
  const { 'content-type': _, ...given } = request.headers
  const headers = {
    ...{ ...given, accept: 'text/event-stream' },
    ...(lastEventId !== undefined && { 'last-event-id': lastEventId })
  }
  return open(tools, request, { method: 'GET', headers }, lastEventId === undefined)
}

export const isStream = ({ status, mediaType }: Opened): boolean => status === 200 && mediaType === 'text/event-stream'

/** Whether a stream can be taken up again after the event of this id: whether a header can carry it. */
export const isResumable = (id: string | undefined): id is string => id !== undefined && headerValue.test(id)

const headerValue = /^[\x20-\x7e]{1,1024}$/
