import { actingOf } from '../calls/acting.ts'
import type { ListProviders } from '../providers/list.ts'
import type { Filter } from './filter.ts'
import { type Heard, type HearingOfAll, type HearOneTools, hearOne } from './hear-one.ts'
import { areListsWanted, providersOf, serversMax } from './join-filter.ts'
import type { Place, ToolChanges } from './tool-changes.ts'

type Tools = HearOneTools & {
  listProviders: ListProviders
  toolChanges: Pick<ToolChanges, 'hear'>
}

/**
 * Hears the first of the providers that the caller may use, where lists are wanted, and those whose resources are; who fails
 * is not heard. Where there are others than before, all lists have changed. `restart` asks for what is wanted anew.
 */
export const hearAll = (tools: Tools, at: Place, hearing: HearingOfAll): Heard => {
  const heard = new Map<string, Heard>()
  let known: string | undefined
  let isLooking = false
  let isDue = false

  const begin = (name: string): void => {
    const one = hearOne(tools, hearing, name)
    heard.set(name, one)
    // Who may hear it again, later, begins anew.
    void one.done.then(() => heard.get(name) === one && heard.delete(name))
  }
  const look = async (): Promise<void> => {
    const filter = await hearing.filter()
    const all = await providersFor(tools, hearing)
    if (hearing.signal.aborted) return
    const wanted = wantedOf(filter, all)
    for (const [name, { end }] of heard) if (!wanted.has(name) && heard.delete(name)) end()
    for (const name of wanted) if (!heard.has(name)) begin(name)
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
  new Set([...new Set([...providersOf(filter), ...(areListsWanted(filter) ? all : [])])].slice(0, serversMax))

const providersFor = async (tools: Tools, { use, traceparent }: HearingOfAll): Promise<string[]> => {
  const acting = await actingOf(tools, use.caller, use.user_id === undefined ? {} : { user_id: use.user_id })
  const { data } = await tools.listProviders(await acting.ticket(), { limit: serversMax }, { traceparent })
  return data.map(({ server_identifier }) => server_identifier)
}
