import { type ListedTool, listTools, toolsPerPageMax } from '@onbehalf/contracts'
import { type Bus, type CallOptions, call } from '@onbehalf/rpc'
import type { Page } from '@onbehalf/service-kit'

export type ToolsAsked = { limit: number; cursor?: string; search?: string; server_identifier?: string }

// Large tools make short pages; an answer of ours is of so many of them at most.
const pagesMax = 4

/** A page of the tools that whoever shows the ticket may call. */
export const listCallable = async (
  bus: Bus,
  principal: string,
  { limit, cursor, search, server_identifier }: ToolsAsked,
  options: CallOptions
): Promise<Page<ListedTool>> => {
  const filters = {
    ...(search === undefined ? {} : { search }),
    ...(server_identifier === undefined ? {} : { server_identifiers: [server_identifier] })
  }
  const data: ListedTool[] = []
  let next_cursor = cursor ?? null
  for (let page = 0; page < pagesMax && data.length < limit; page += 1) {
    const after = next_cursor === null ? {} : { cursor: next_cursor }
    const more = Math.min(limit - data.length, toolsPerPageMax)
    const answer = await call(bus, listTools, { principal, ...filters, ...after, limit: more }, options)
    data.push(...answer.data)
    next_cursor = answer.next_cursor
    if (next_cursor === null) break
  }
  return { data, next_cursor }
}
