import { exchange } from './exchange.ts'
import { legacyHeaders } from './headers.ts'
import { notify } from './notify.ts'
import { type Answer, isJson } from './protocol.ts'
import { hearOn } from './replies.ts'
import { type Session, wiresOf } from './sessions.ts'
import type { Request, Target, Wires } from './target.ts'

/** One request of a session that began with `initialize` (2025-11-25 and older), or that request itself. */
export const requestLegacy = async (
  given: Wires,
  target: Target,
  { method, params, pass, onHeld }: Request,
  session: Session | undefined
): Promise<Answer> => {
  const wires = session ? wiresOf(given, session) : given
  if (session) session.headers = target.headers
  if (session) await setLevel(given, target, session)
  const id = wires.nextId()
  const own = isJson(params._meta) ? params._meta : undefined
  const meta = target.wantsEvents && session ? { _meta: { ...own, progressToken: id } } : undefined
  const answer = exchange(wires, {
    ...target,
    headers: legacyHeaders(target.headers, session),
    id,
    body: JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, ...meta } }),
    pass,
    onHeld,
    isResumable: session !== undefined,
    onMessage: hearOn(wires, target, session)
  })
  try {
    return await answer
  } catch (thrown) {
    if (session && target.deadline.signal.aborted) cancel(wires, target, session, id)
    throw thrown
  }
}

/** Says which log messages are wanted, once a session; a server that does not know of that says what it likes. */
const setLevel = async (wires: Wires, target: Target, session: Session): Promise<void> => {
  const { logLevel, ...rest } = target
  if (logLevel === undefined || session.logLevel === logLevel) return
  session.logLevel = logLevel
  const request = { method: 'logging/setLevel', params: { level: logLevel } }
  await requestLegacy(wires, { ...rest, wantsEvents: false }, request, session)
}

// Closing the stream is not a cancel before 2026-07-28 (2025-11-25, cancellation).
const cancel = (wires: Wires, target: Target, session: Session, requestId: number): void =>
  wires.background.run(() =>
    notify(wires, target, session, {
      method: 'notifications/cancelled',
      params: { requestId, reason: 'The caller no longer waits.' }
    })
  )
