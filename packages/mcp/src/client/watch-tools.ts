import { ReportedError } from '@onbehalf/errors'
import type { Talk } from './converse.ts'
import { type Era, probeEra } from './eras.ts'
import { hearOwnStream, ownStream } from './listen.ts'
import { InitializeRefused, looksOlder, openEventSession, openSession, tellsOfToolChanges } from './open-session.ts'
import { type Answer, isJson, type Json, methodNotFoundCode, modernVersion } from './protocol.ts'
import { requestModern } from './request-modern.ts'
import { resultOf } from './result.ts'
import { type Session, wiresOf } from './sessions.ts'
import type { Target, Wires } from './target.ts'

/** How it went: the server ended it, or tells nobody of such changes. */
export type Watched = 'ended' | 'not offered'

const changed = 'notifications/tools/list_changed'
const acknowledged = 'notifications/subscriptions/acknowledged'
const hears: ReadonlySet<string> = new Set([changed, acknowledged])

/** Tells of each change of a server's tools, and once when the server begins to tell, until one of both ends it. */
export const watchTools = async (
  { wires, eras }: Pick<Talk, 'wires' | 'eras'>,
  target: Target,
  onChange: () => void
): Promise<Watched> => {
  const era = eras.remembered(target.url) ?? (await probeEra(wires, target))
  return era === 'modern' ? watchModern(wires, target, onChange) : watchLegacy(wires, target, { era, onChange })
}

/** 2026-07-28, subscriptions: one request whose answer is the end. */
const watchModern = async (wires: Wires, target: Target, onChange: () => void): Promise<Watched> => {
  const discovered = await requestModern(wires, target, { method: 'server/discover', params: {} }, modernVersion)
  if (!tellsOfToolChanges(resultOf(discovered).result.capabilities)) return 'not offered'
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

type Older = { era: Era; onChange: () => void }

/** What an older server says of its own accord in a session of its own. */
const watchLegacy = async (wires: Wires, target: Target, { era, onChange }: Older): Promise<Watched> => {
  const session = await openOwn(wires, target, era)
  if (!session) return 'not offered'
  try {
    if (!session.tellsOfToolChanges) return 'not offered'
    const request = ownStream(wires, { ...target, hears, onEvent: onChange }, session)
    const heard = await hearOwnStream(wiresOf(wires, session), request, { onOpen: onChange })
    const { signal } = target.deadline
    if (signal.aborted) throw signal.reason
    if ('refused' in heard && isWithoutStream(heard.refused)) return 'not offered'
    if ('refused' in heard) resultOf(heard.refused)
    else if (heard.failure) throw heard.failure
    return 'ended'
  } catch (thrown) {
    throw target.deadline.explain(thrown)
  } finally {
    wires.background.run(session.end)
  }
}

/** What servers answer that have no such stream; 405 is the rule. */
const withoutStream: ReadonlySet<number> = new Set([400, 404, 405, 406, 501])
const isWithoutStream = (answer: Answer): boolean => answer.kind === 'refused' && withoutStream.has(answer.status)

const openOwn = async (wires: Wires, target: Target, era: Era): Promise<Session | undefined> => {
  try {
    return await (era === 'events' ? openEventSession : openSession)(wires, target)
  } catch (thrown) {
    if (!(thrown instanceof InitializeRefused)) throw target.deadline.explain(thrown)
    const { answer } = thrown
    if (answer.kind === 'refused' && answer.status >= 500) resultOf(answer)
    const mayBeOlder = era !== 'events' && looksOlder(answer)
    return mayBeOlder ? openOlder(wires, target) : undefined
  }
}

/** One that cannot be reached now may tell of changes another time. */
const openOlder = async (wires: Wires, target: Target): Promise<Session | undefined> => {
  try {
    return await openEventSession(wires, target)
  } catch (thrown) {
    const isOther = thrown instanceof ReportedError && thrown.code === 'upstream_error'
    if (isOther || thrown instanceof InitializeRefused) return undefined
    throw target.deadline.explain(thrown)
  }
}
