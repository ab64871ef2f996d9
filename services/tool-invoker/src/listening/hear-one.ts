import type { McpEvent } from '@onbehalf/mcp'
import type { ActingTools } from '../calls/acting.ts'
import type { CallToolTools } from '../calls/call-tool.ts'
import type { Recorder } from '../calls/recorder.ts'
import { ownerOf, type SessionUse } from '../sessions/find.ts'
import { type Hearing, hearServer, noLonger } from './hear-server.ts'
import { filterAt, joinedEvent } from './join-filter.ts'
import type { ListenerPlaces } from './places.ts'
import { watchCaller } from './watch-caller.ts'

/** One who hears what the servers of all providers say of their own accord, under joined URIs. */
export type HearingOfAll = Omit<Hearing, 'use' | 'spend'> & {
  use: SessionUse
  spend: (serverIdentifier: string) => Promise<void> | undefined
}

export type HearOneTools = CallToolTools &
  ActingTools & {
    recorder: Pick<Recorder, 'listening'>
    serverPlaces: Pick<ListenerPlaces, 'take'>
  }

export type Heard = { restart: () => void; end: () => void }

/**
 * Hears one of them in a place of its own, for as long as the caller may use it; where there is no place, or it may not be
 * used, that is at once. `done` is when all was given back, and never throws.
 */
export const hearOne = (
  tools: HearOneTools,
  hearing: HearingOfAll,
  server_identifier: string
): Heard & { done: Promise<void> } => {
  const { traceparent } = hearing
  const use = { ...hearing.use, server_identifier }
  const leaving = new AbortController()
  const end = () => leaving.abort(noLonger())
  const one = {
    ...{ ...hearing, use, signal: AbortSignal.any([hearing.signal, leaving.signal]) },
    filter: async () => filterAt(server_identifier, await hearing.filter()),
    spend: () => hearing.spend(server_identifier),
    onEvent: (event: McpEvent) => hearing.onEvent(joinedEvent(server_identifier, event))
  }
  let restart = () => {}
  const hear = async (): Promise<void> => {
    const { holder, tenant_id } = ownerOf(hearing.use)
    const giveBack = tools.serverPlaces.take({ tenant_id, holder }, end)
    try {
      const watched = await watchCaller(tools, use, { traceparent, cancel: end, moved: () => restart() })
      try {
        const heard = hearServer(tools, one)
        restart = heard.restart
        await heard.done
      } finally {
        watched.end()
      }
    } finally {
      giveBack()
    }
  }
  return { restart: () => restart(), end, done: hear().catch(() => undefined) }
}
