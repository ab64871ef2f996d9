import type { McpEvent } from '@onbehalf/mcp'
import { type ActingTools, actingOf } from '../calls/acting.ts'
import type { CallToolTools } from '../calls/call-tool.ts'
import type { Recorder } from '../calls/recorder.ts'
import type { ListProviders } from '../providers/list.ts'
import { ownerOf, type SessionUse } from '../sessions/find.ts'
import type { Filter } from './filter.ts'
import { type Hearing, hearServer, noLonger } from './hear-server.ts'
import { areListsWanted, filterAt, joinedEvent, providersOf } from './join-filter.ts'
import type { ListenerPlaces } from './places.ts'
import type { Place, ToolChanges } from './tool-changes.ts'
import { watchCaller } from './watch-caller.ts'

/** One who hears what the servers of all providers say of their own accord, under joined URIs. */
export type HearingOfAll = Omit<Hearing, 'use' | 'spend'> & {
  use: SessionUse
  spend: (serverIdentifier: string) => Promise<void>
}

type Tools = CallToolTools &
  ActingTools & {
    recorder: Pick<Recorder, 'listening'>
    listProviders: ListProviders
    places: Pick<ListenerPlaces, 'take'>
    toolChanges: Pick<ToolChanges, 'hear'>
  }

type Heard = { restart: () => void; end: () => void }

/** Each is a stream of its own, and takes a place. */
const serversMax = 20

/**
 * Hears the first of the providers that the caller may use, where lists are wanted, and those whose resources are; who fails
 * is not heard. Where there are others than before, all lists have changed. `restart` asks for what is wanted anew.
 */
export const hearAll = (tools: Tools, at: Place, hearing: HearingOfAll): Heard => {
  const heard = new Map<string, Heard>()
  let known: string | undefined
  let isLooking = false
  let isDue = false

  const look = async (): Promise<void> => {
    const filter = await hearing.filter()
    const all = await providersFor(tools, hearing)
    const wanted = wantedOf(filter, all)
    for (const [name, { end }] of heard) if (!wanted.has(name) && heard.delete(name)) end()
    for (const name of wanted) {
      const begun = heard.has(name) ? undefined : await begin(tools, hearing, name).catch(() => undefined)
      if (begun) heard.set(name, begun)
    }
    const now = all.join()
    if (known !== undefined && known !== now) for (const method of lists) hearing.onEvent({ method, params: {} })
    known = now
  }
  const lookUntilSettled = async (): Promise<void> => {
    isDue = true
    if (isLooking) return
    isLooking = true
    while (isDue && !hearing.signal.aborted) {
      isDue = false
      await look().catch(() => undefined)
    }
    isLooking = false
  }
  const lookAnew = () => void lookUntilSettled()

  lookAnew()
  return {
    restart: () => {
      for (const { restart } of heard.values()) restart()
      lookAnew()
    },
    end: tools.toolChanges.hear(at, lookAnew)
  }
}

const lists = ['notifications/prompts/list_changed', 'notifications/resources/list_changed'] as const

const wantedOf = (filter: Filter, all: string[]): Set<string> =>
  new Set([...providersOf(filter), ...(areListsWanted(filter) ? all : [])].slice(0, serversMax))

/** Hears one of them, for as long as the caller may use it, in a place of its own. */
const begin = async (tools: Tools, hearing: HearingOfAll, server_identifier: string): Promise<Heard> => {
  const { traceparent } = hearing
  const use = { ...hearing.use, server_identifier }
  const leaving = new AbortController()
  const end = () => leaving.abort(noLonger())
  const signal = AbortSignal.any([hearing.signal, leaving.signal])
  const onceOver = (work: () => void) => signal.addEventListener('abort', work, { once: true })
  const { holder, tenant_id } = ownerOf(hearing.use)
  onceOver(tools.places.take({ tenant_id, holder }, end))
  let restart = () => {}
  try {
    const watched = await watchCaller(tools, use, { traceparent, cancel: end, moved: () => restart() })
    onceOver(watched.end)
  } catch (thrown) {
    end()
    throw thrown
  }
  const heard = hearServer(tools, {
    ...{ ...hearing, use, signal },
    filter: async () => filterAt(server_identifier, await hearing.filter()),
    spend: () => hearing.spend(server_identifier),
    onEvent: (event: McpEvent) => hearing.onEvent(joinedEvent(server_identifier, event))
  })
  restart = heard.restart
  return { restart, end }
}

const providersFor = async (tools: Tools, { use, traceparent }: HearingOfAll): Promise<string[]> => {
  const acting = await actingOf(tools, use.caller, use.user_id === undefined ? {} : { user_id: use.user_id })
  const { data } = await tools.listProviders(await acting.ticket(), { limit: serversMax }, { traceparent })
  return data.map(({ server_identifier }) => server_identifier)
}
