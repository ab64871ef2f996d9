import { pause } from './deadline.ts'
import type { Exchange } from './exchange.ts'
import { legacyHeaders } from './headers.ts'
import { isResumable, isStream, openStream } from './open.ts'
import { type Answer, isJson, type Json } from './protocol.ts'
import { readEvents } from './read-stream.ts'
import { hearOn } from './replies.ts'
import { requestLegacy } from './request-legacy.ts'
import { isSessionGone, type Session, wiresOf } from './sessions.ts'
import type { Request, Target, Wires } from './target.ts'

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
 * own accord. A stream that ends is taken up again where it ended, as long as the server lets us. The answer is a refusal
 * where it has no such stream.
 */
export const listenLegacy = async (
  wires: Wires,
  target: Target,
  { params }: Request,
  session: Session
): Promise<Answer> => {
  for (const uri of urisOf(params)) {
    const request = { method: 'resources/subscribe', params: { uri } }
    const answer = await requestLegacy(wires, target, request, session)
    if (isSessionGone(answer, session)) return answer
  }
  try {
    return await hearAgain(wiresOf(wires, session), ownStream(wires, target, session))
  } catch (thrown) {
    throw target.deadline.explain(thrown)
  }
}

const urisOf = ({ notifications }: Json): string[] => {
  const uris = isJson(notifications) ? notifications.resourceSubscriptions : undefined
  return Array.isArray(uris) ? uris.filter((uri) => typeof uri === 'string') : []
}

const hearAgain = async (wires: Wires, request: Exchange): Promise<Answer> => {
  let pauseMs = 0
  let last: string | undefined
  for (let turn = 1; ; turn += 1) {
    const beganMs = wires.clock()
    const heard = await hearOwnStream(wires, request, { lastId: last })
    if ('refused' in heard) return turn === 1 ? heard.refused : over
    const { id, retryMs = 0 } = heard.event ?? {}
    last = id ?? last
    pauseMs = nextPauseMs(pauseMs, { heardMs: wires.clock() - beganMs, retryMs })
    await pause(pauseMs, request.deadline.signal)
  }
}

const over: Answer = { kind: 'result', result: {}, resultText: () => '{}', headers: {} }

/** The request for what a server says in a session of its own accord (2025-11-25, listening for messages from the server). */
export const ownStream = (wires: Wires, target: Target, session: Session): Exchange => ({
  ...target,
  headers: legacyHeaders(target.headers, session),
  id: wires.nextId(),
  body: '',
  isResumable: true,
  onMessage: hearOn(wires, target, session, target.onRequest ? Number.POSITIVE_INFINITY : ownRepliesMax(wires))
})

// Hardly more than pings come to who answers nothing else, but for hours.
const ownRepliesMax = ({ limits }: Wires): number => limits.repliesMax * 50

type Heard = { refused: Answer } | Pick<Awaited<ReturnType<typeof readEvents>>, 'event' | 'failure'>

/** Hears it once, from the event `lastId` on, until it ends; `refused` where the server opens no stream. */
export const hearOwnStream = async (
  wires: Wires,
  request: Exchange,
  { lastId, onOpen }: { lastId?: string | undefined; onOpen?: () => void }
): Promise<Heard> => {
  const opened = await openStream(wires, request, isResumable(lastId) ? lastId : undefined)
  if (isStream(opened)) {
    onOpen?.()
    return readEvents(wires, opened, request)
  }
  opened.body.release()
  return { refused: { kind: 'refused', status: opened.status, headers: opened.headers } }
}
