import { isJson, type Json, type McpEvent } from '@onbehalf/mcp'

/** What a client wants to hear of (2026-07-28, `SubscriptionFilter`). */
export type Filter = {
  toolsListChanged?: true
  promptsListChanged?: true
  resourcesListChanged?: true
  resourceSubscriptions?: string[]
}

/** Each is kept for as long as somebody listens, and an older server is asked for each by itself. */
export const urisMax = 100
export const uriBytesMax = 2_048

/** Whether it can be listened to: as long as a URI that anybody uses, at most. */
export const isUri = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= uriBytesMax

/** Reads what a client asks for; undefined where it is none. */
export const readFilter = (given: unknown): Filter | undefined => {
  if (!isJson(given)) return undefined
  const { resourceSubscriptions: uris = [] } = given
  if (!Array.isArray(uris) || uris.length > urisMax) return undefined
  if (!uris.every(isUri)) return undefined
  return {
    ...(given.toolsListChanged === true && { toolsListChanged: true }),
    ...(given.promptsListChanged === true && { promptsListChanged: true }),
    ...(given.resourcesListChanged === true && { resourcesListChanged: true }),
    ...(uris.length > 0 && { resourceSubscriptions: uris })
  }
}

/** The part that a provider's own server has to tell: its tools are told of by its catalogue here. */
export const ofServer = ({ toolsListChanged: _, ...filter }: Filter): Filter => filter

export const isEmpty = (filter: Filter): boolean => Object.keys(filter).length === 0

/** Whether a notification is one of those that are wanted. */
export const isWanted = (filter: Filter, { method, params }: McpEvent): boolean => {
  if (method === 'notifications/prompts/list_changed') return filter.promptsListChanged === true
  if (method === 'notifications/resources/list_changed') return filter.resourcesListChanged === true
  if (method === 'notifications/resources/updated') return isWithin(filter.resourceSubscriptions ?? [], params)
  return false
}

// It may be a part of what was subscribed to (2025-11-25, resources).
const isWithin = (uris: readonly string[], { uri }: Json): boolean =>
  typeof uri === 'string' && uris.some((wanted) => uri === wanted || uri.startsWith(`${wanted.replace(/\/$/, '')}/`))
