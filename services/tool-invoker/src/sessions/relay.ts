import { sessionMessage } from '@onbehalf/contracts'
import type { McpClient } from '@onbehalf/mcp'
import { type Bus, call, matches, serve } from '@onbehalf/rpc'
import type { Static } from '@sinclair/typebox'
import type { Exchanges } from './exchanges.ts'
import { onceAWhile } from './once-a-while.ts'

/** What a client said in its session that concerns what goes on in it. */
export type SessionMessage = Static<(typeof sessionMessage)['request']>['message']

export type Relay = {
  /** Takes what concerns this process; false where it does not. */
  take: (key: string, message: SessionMessage) => boolean
  /** Lets all processes know, this one too. */
  tellAll: (key: string, message: SessionMessage) => void
  /** Lets what goes on in the session know, in this process or else in any other; nobody waits for it. */
  tell: (key: string, message: SessionMessage) => void
  close: () => Promise<void>
}

const waitMs = 2_000

/** Whether it can be one: what answers no request of ours, or names none that anybody makes, concerns nobody. */
export const isSessionMessage = (said: unknown): said is SessionMessage =>
  matches(sessionMessage.request.properties.message, said)

/** Sessions over replicas: what a client says reaches the one that it is about. */
export const openRelay = (bus: Bus, exchanges: Exchanges, mcp: Pick<McpClient, 'endSessions' | 'notify'>): Relay => {
  const isOf = (key: string) => (sessionKey: string) => sessionKey.includes(key)
  // One word of the client's is one to every server of its session.
  const rootsChanged = onceAWhile((key) => mcp.notify(isOf(key), 'notifications/roots/list_changed'))
  const take = (key: string, message: SessionMessage): boolean => {
    if (message.kind === 'end') mcp.endSessions(isOf(key))
    if (message.kind === 'roots_changed') rootsChanged(key)
    return takeHere(exchanges, key, message)
  }
  const served = serve(bus, sessionMessage, async ({ session, message }) => (take(session, message) ? {} : undefined))
  const tellAll = (session: string, message: SessionMessage): void => {
    // Where nobody has to do with it there is no answer.
    call(bus, sessionMessage, { session, message }, { deadlineAt: Date.now() + waitMs }).catch(() => undefined)
  }
  return {
    take,
    tellAll,
    tell: (session, message) => {
      if (!take(session, message) || message.kind === 'end') tellAll(session, message)
    },
    close: served.stop
  }
}

const takeHere = (exchanges: Exchanges, key: string, message: SessionMessage): boolean => {
  if (message.kind === 'answer') return exchanges.answer(key, message.id, message.outcome)
  if (message.kind === 'cancel') return exchanges.cancel(key, message.id)
  if (message.kind === 'roots_changed') return false
  const stream = exchanges.stream(key)
  if (message.kind === 'restart') stream?.restart()
  else stream?.end()
  return stream !== undefined
}
