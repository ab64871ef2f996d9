import type { Talk } from './converse.ts'
import { probeEra } from './eras.ts'
import { listen } from './exchange.ts'
import { InitializeRefused, openSession } from './open-session.ts'
import { isJson, type Json, methodNotFoundCode, modernVersion } from './protocol.ts'
import type { Session } from './sessions.ts'
import { hearOn, legacyHeaders, requestModern, resultOf, type Target, type Wires } from './wire.ts'

/** How it went: the server ended it, or tells nobody of such changes. */
export type Watched = 'ended' | 'not offered'

const changed = 'notifications/tools/list_changed'
const acknowledged = 'notifications/subscriptions/acknowledged'
const hears: ReadonlySet<string> = new Set([changed, acknowledged])

/**
 * Tells of each change of a server's tools, and once when the server begins to tell, until one of both ends it. Over
 * HTTP+SSE (2024-11-05) nothing is heard.
 */
export const watchTools = async (
  { wires, eras }: Pick<Talk, 'wires' | 'eras'>,
  target: Target,
  onChange: () => void
): Promise<Watched> => {
  const era = eras.remembered(target.url) ?? (await probeEra(wires, target))
  if (era === 'modern') return watchModern(wires, target, onChange)
  return era === 'legacy' ? watchLegacy(wires, target, onChange) : 'not offered'
}

/** 2026-07-28, subscriptions: one request whose answer is the end. */
const watchModern = async (wires: Wires, target: Target, onChange: () => void): Promise<Watched> => {
  const discovered = await requestModern(wires, target, { method: 'server/discover', params: {} }, modernVersion)
  if (!offersChanges(resultOf(discovered).result.capabilities)) return 'not offered'
  let isRefused = false
  const onEvent = ({ method, params: { notifications } }: { method: string; params: Json }) => {
    isRefused = method === acknowledged && !(isJson(notifications) && notifications.toolsListChanged === true)
    if (!isRefused) onChange()
  }
  const params = { notifications: { toolsListChanged: true } }
  const answer = await requestModern(
    wires,
    { ...target, hears, onEvent },
    { method: 'subscriptions/listen', params },
    modernVersion
  )
  if (isRefused || (answer.kind === 'error' && answer.error.code === methodNotFoundCode)) return 'not offered'
  resultOf(answer)
  return 'ended'
}

/** 2025-11-25, listening for messages from the server: a stream of a session of its own. */
const watchLegacy = async (wires: Wires, target: Target, onChange: () => void): Promise<Watched> => {
  const session = await openOwn(wires, target)
  if (!session) return 'not offered'
  try {
    if (!offersChanges(session.capabilities)) return 'not offered'
    const { 'content-type': _, ...headers } = legacyHeaders(target, session)
    const hearing = { ...target, hears, onEvent: onChange }
    const isOffered = await listen(wires, {
      ...hearing,
      headers: { ...headers, accept: 'text/event-stream' },
      onOpen: onChange,
      onMessage: hearOn(wires, hearing, session)
    })
    return isOffered ? 'ended' : 'not offered'
  } finally {
    wires.background.run(session.end)
  }
}

const openOwn = async (wires: Wires, target: Target): Promise<Session | undefined> => {
  try {
    return await openSession(wires, target)
  } catch (thrown) {
    if (!(thrown instanceof InitializeRefused)) throw target.deadline.explain(thrown)
    if (thrown.answer.kind === 'refused' && thrown.answer.status >= 500) resultOf(thrown.answer)
    return undefined
  }
}

const offersChanges = (capabilities: unknown): boolean =>
  isJson(capabilities) && isJson(capabilities.tools) && capabilities.tools.listChanged === true
