import type { McpEvent } from '@onbehalf/mcp'
import { joinUri, splitUri } from '../endpoint/names.ts'
import type { Filter } from './filter.ts'

/** So many providers are heard: each is a stream of its own, and takes a place. */
export const serversMax = 20

/** What of a filter can be told of all providers: what is no resource of any, or of one too many, is left out. */
export const joinedFilter = ({ resourceSubscriptions = [], ...lists }: Filter): Filter => {
  const heard = new Set<string>()
  const uris = resourceSubscriptions.filter((uri) => {
    const provider = splitUri(uri)?.server_identifier
    if (provider === undefined) return false
    if (heard.size < serversMax) heard.add(provider)
    return heard.has(provider)
  })
  return { ...lists, ...(uris.length > 0 && { resourceSubscriptions: uris }) }
}

/** What of it one provider has to tell, in that one's own words. */
export const filterAt = (server_identifier: string, { resourceSubscriptions = [], ...lists }: Filter): Filter => {
  const uris = resourceSubscriptions.flatMap((joined) => {
    const split = splitUri(joined)
    return split?.server_identifier === server_identifier ? split.uri : []
  })
  return { ...lists, ...(uris.length > 0 && { resourceSubscriptions: uris }) }
}

/** Those whose resources are wanted. */
export const providersOf = ({ resourceSubscriptions = [] }: Filter): string[] =>
  resourceSubscriptions.flatMap((uri) => splitUri(uri)?.server_identifier ?? [])

/** Whether something is wanted that each of them may have to tell. */
export const areListsWanted = ({ promptsListChanged, resourcesListChanged }: Filter): boolean =>
  promptsListChanged === true || resourcesListChanged === true

/** What one of them says, as one of all. */
export const joinedEvent = (server_identifier: string, { method, params }: McpEvent): McpEvent => {
  const { uri } = params
  return { method, params: typeof uri === 'string' ? { ...params, uri: joinUri(server_identifier, uri) } : params }
}
