import { type CallSignal, Ending } from '@onbehalf/egress'
import type { ReportedError } from '@onbehalf/errors'
import { discard } from './body.ts'
import { headerOf, malformed, noRoom, refusal } from './errors.ts'
import { idOf, type Listener, listenFor, tellOf } from './event-listener.ts'
import type { Tools } from './exchange.ts'
import { HeldRoom } from './held-budget.ts'
import type { Send } from './protocol.ts'
import { createSseParser, type SseEvent } from './sse.ts'
import type { Target } from './target.ts'

/** A server of 2024-11-05: what is posted is answered on one stream that stays open. */
export type EventChannel = {
  /** As over Streamable HTTP: what is posted has a stream with its answer, and GET one of what the server says besides. */
  send: Send
  close: () => void
}

/** Opens the stream of HTTP+SSE (2024-11-05, transports) and waits until it says where messages are posted. */
export const openEventChannel = async (
  { send, limits, background, budget }: Tools,
  { url, holder, headers, timeoutMs, sseReadTimeoutMs, messageLengthMax = limits.answerBytesMax, deadline }: Target
): Promise<EventChannel> => {
  deadline.extend(timeoutMs)
  const ending = new Ending(deadline.signal)
  const accept = { ...headers, accept: 'text/event-stream' }
  const waits = { headersTimeoutMs: timeoutMs, bodyTimeoutMs: Math.max(limits.sessionIdleMs, sseReadTimeoutMs) }
  const opened = await send(url, { method: 'GET', headers: accept, signal: ending, ...waits })
  const isStream = (headerOf(opened.headers, 'content-type') ?? '').startsWith('text/event-stream')
  if (opened.status !== 200 || !isStream) {
    ending.abort()
    if (opened.status === 429 || opened.status >= 500) throw refusal(opened.status, opened.headers)
    throw malformed('it has no stream of events')
  }
  const listeners = new Set<Listener>()
  const told = Promise.withResolvers<string>()
  const room = new HeldRoom(budget, holder)
  let isClosed = false
  background.run(async () => {
    let failure: ReportedError | undefined
    try {
      failure = await readEvents(opened.body, { bytesMax: messageLengthMax, room }, (event) => {
        if (event.type === 'endpoint') told.resolve(event.data)
        else tellOf(event, listeners)
      })
    } finally {
      isClosed = true
      room.resize(0)
      told.reject(failure ?? malformed('its stream ended before it said where to post'))
      for (const { hear } of listeners) hear(undefined, failure)
    }
  })
  const endpoint = await told.promise
    .then((place) => endpointOf(url, place))
    .catch((error: unknown) => {
      ending.abort()
      throw error
    })
  // It outlives who opened it.
  ending.unlink()
  return {
    close: () => ending.abort(),
    send: async (_url, init) => {
      if (isClosed) return { status: 404, headers: {}, body: none() }
      const id = idOf(init.body)
      const unread = { room: new HeldRoom(budget, holder), lengthMax: limits.answerBytesMax }
      const answer = listenFor(id, listeners, unread)
      if (init.method === 'GET') return streamOf(answer, init.signal)
      const posted = await send(endpoint, init).catch((error: unknown) => {
        answer.stop()
        throw error
      })
      if (id === undefined || posted.status < 200 || posted.status >= 300) {
        answer.stop()
        return posted
      }
      background.run(() => discard(posted.body, limits.refusalBytesMax))
      return streamOf(answer, init.signal)
    }
  }
}

const streamOf = ({ events, stop }: ReturnType<typeof listenFor>, signal: CallSignal | undefined) => {
  if (signal?.aborted) stop()
  else signal?.addEventListener('abort', { handleEvent: stop })
  return { status: 200, headers: { 'content-type': 'text/event-stream' }, body: events }
}

/** Why no more of it is read, where that is not for the server. */
const readEvents = async (
  body: AsyncIterable<Uint8Array>,
  { bytesMax, room }: { bytesMax: number; room: HeldRoom },
  onEvent: (event: SseEvent) => void
): Promise<ReportedError | undefined> => {
  const parser = createSseParser()
  let bytes = 0
  for await (const chunk of body) {
    const events = parser.push(chunk)
    bytes = events.length > 0 ? 0 : bytes + chunk.byteLength
    if (bytes > bytesMax) return undefined
    if (!room.resize(bytes)) return noRoom()
    for (const event of events) onEvent(event)
  }
  return undefined
}

/** Where the server says that messages are posted: of its own origin, or the caller's credentials would leave it. */
const endpointOf = (url: string, told: string): string => {
  const endpoint = URL.canParse(told, url) ? new URL(told, url) : undefined
  if (endpoint?.origin === new URL(url).origin) return endpoint.href
  throw malformed('it wants its messages posted elsewhere')
}

async function* none(): AsyncGenerator<Uint8Array> {}
