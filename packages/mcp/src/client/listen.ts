import { type Exchange, type Opened, open, pause, readEvents, resumable } from './exchange.ts'
import { type Answer, isJson, type Json } from './protocol.ts'
import { isSessionGone, type Session } from './sessions.ts'
import { hearOn, legacyHeaders, type Request, requestLegacy, type Target, type Wires } from './wire.ts'

const pauseMsMin = 1_000
const pauseMsMax = 60_000

/**
 * How long a server is left alone before it is heard again: for longer each time that it ended a stream sooner than it was
 * left alone before. The server may ask for more.
 */
export const nextPauseMs = (lastMs: number, { heardMs, retryMs = 0 }: { heardMs: number; retryMs?: number }) =>
  Math.max(retryMs, heardMs > lastMs ? pauseMsMin : Math.min(Math.max(lastMs * 2, pauseMsMin), pauseMsMax))

/**
 * What 2026-07-28 calls listening, at an older server: subscribes to the resources, and hears what the server says of its
 * own accord (2025-11-25, listening for messages from the server). A stream that ends is taken up again where it ended,
 * as long as the server lets us. The answer is a refusal where it has no such stream.
 */
export const listenLegacy = async (
  wires: Wires,
  target: Target,
  { params }: Request,
  session: Session
): Promise<Answer> => {
  if (session.send) return { kind: 'refused', status: 405, headers: {} }
  for (const uri of urisOf(params)) {
    const request = { method: 'resources/subscribe', params: { uri } }
    const answer = await requestLegacy(wires, target, request, session)
    if (isSessionGone(answer, session)) return answer
  }
  return hear(wires, {
    ...target,
    headers: streamHeaders(target, session),
    id: wires.nextId(),
    body: '',
    isResumable: true,
    onMessage: hearOn(wires, target, session, { isEndless: true })
  })
}

const urisOf = ({ notifications }: Json): string[] => {
  const uris = isJson(notifications) ? notifications.resourceSubscriptions : undefined
  return Array.isArray(uris) ? uris.filter((uri) => typeof uri === 'string') : []
}

const hear = async (wires: Wires, request: Exchange): Promise<Answer> => {
  try {
    let opened = await openStream(wires, request, undefined)
    if (!isStream(opened)) return refused(opened)
    let pauseMs = 0
    for (let last: string | undefined; isStream(opened); ) {
      const began = performance.now()
      const { event } = await readEvents(opened, request)
      last = event?.id ?? last
      pauseMs = nextPauseMs(pauseMs, { heardMs: performance.now() - began, retryMs: event?.retryMs ?? 0 })
      await pause(pauseMs, request.deadline.signal)
      opened = await openStream(wires, request, last)
    }
    refused(opened)
    return { kind: 'result', result: {}, resultText: () => '{}', headers: {} }
  } catch (thrown) {
    throw request.deadline.explain(thrown)
  }
}

const streamHeaders = (target: Target, session: Session): Record<string, string> => {
  const { 'content-type': _, ...headers } = legacyHeaders(target, session)
  return { ...headers, accept: 'text/event-stream' }
}

const openStream = (wires: Wires, request: Exchange, lastId: string | undefined): Promise<Opened> => {
  const headers = {
    ...request.headers,
    ...(lastId !== undefined && resumable.test(lastId) && { 'last-event-id': lastId })
  }
  return open(wires, request, { method: 'GET', headers }, lastId === undefined)
}

const isStream = ({ status, mediaType }: Opened): boolean => status === 200 && mediaType === 'text/event-stream'

const refused = ({ status, headers, body }: Opened): Answer => {
  body.release()
  return { kind: 'refused', status, headers }
}
