import { toReported } from '@onbehalf/errors'
import { isJson, type Json } from '@onbehalf/mcp'
import { actingOf } from '../calls/acting.ts'
import { ask } from './ask-server.ts'
import { type Asked, actsFor, type EndpointTools, type Method } from './asked.ts'
import { withMember } from './forward.ts'
import { beginningAt, cursorOf, type Left, leftOf, type Place, pageAfter, providersPerPage } from './list-places.ts'

const ttlMs = 30_000
/** What one answer joins, an equal share of each provider: none keeps the others out. */
const itemsMax = 5_000
const lengthMax = 2_000_000
/** Fits into any share, so that each answer goes on. */
const itemLengthMax = lengthMax / providersPerPage

/** The same request at one provider's own endpoint. */
export const atProvider = (asked: Asked, server_identifier: string, params: Json): Asked => ({
  ...asked,
  server_identifier,
  request: { ...asked.request, params }
})

/** What is listed: in which member of a result, and by which of its own members each item is known, under a joined name. */
type Kind = { member: string; key: string; join: (server_identifier: string, own: string) => string }

/**
 * The list of each provider that the caller may use, under joined names; what is more than one answer has follows at its
 * cursor. Who cannot be asked has nothing in it.
 */
export const joinLists =
  (kind: Kind): Method =>
  async (tools, asked) => {
    const { places, next } = await placesFor(tools, asked)
    const share = { items: Math.floor(itemsMax / places.length), length: Math.floor(lengthMax / places.length) }
    const parts = await Promise.all(places.map((place) => partAt(tools, asked, kind, { place, share })))
    const nextCursor = cursorOf({ places: parts.flatMap(({ left }) => left ?? []), next })
    const lasting = asked.envelope.era === 'modern' ? { resultType: 'complete', ttlMs, cacheScope: 'private' } : {}
    const items = parts.flatMap(({ texts }) => texts).join()
    const rest = JSON.stringify({ ...lasting, ...(nextCursor !== null && { nextCursor }) })
    return withMember(`"${kind.member}":[${items}]`, rest)
  }

/** Where a list goes on that was left; from its beginning, or behind that, the next providers. */
const placesFor = async (tools: EndpointTools, asked: Asked): Promise<Left> => {
  const { cursor } = asked.request.params
  const left = cursor === undefined ? undefined : leftOf(cursor)
  if (left && left.places.length > 0) return left
  const { caller, traceparent } = asked.context
  const acting = await actingOf(tools, caller, actsFor(asked))
  const page = { limit: providersPerPage, ...(left?.next && { cursor: left.next }) }
  const { data, next_cursor } = await tools.listProviders(await acting.ticket(), page, { traceparent })
  return { places: data.map(({ server_identifier }) => beginningAt(server_identifier)), next: next_cursor }
}

/** What an answer has of one provider, each item as text, and where it goes on. */
type Part = { texts: string[]; left?: Place }

const partAt = async (
  tools: EndpointTools,
  asked: Asked,
  { member, key, join }: Kind,
  { place, share }: { place: Place; share: { items: number; length: number } }
): Promise<Part> => {
  const texts: string[] = []
  let length = 0
  let at: Place | undefined = place
  while (at) {
    const { server_identifier, skipped } = at
    const { items, next } = await pageAt(tools, asked, member, at)
    for (let index = skipped; index < items.length; index += 1) {
      const item: unknown = items[index]
      if (!isJson(item) || typeof item[key] !== 'string') continue
      const text = JSON.stringify({ ...item, [key]: join(server_identifier, item[key]) })
      if (text.length > itemLengthMax) continue
      length += text.length
      if (texts.length === share.items || length > share.length) return { texts, left: { ...at, skipped: index } }
      texts.push(text)
    }
    at = next
  }
  return { texts }
}

export type ListPage = { items: unknown[]; next: Place | undefined }

/** A page of what one provider's server lists; an empty last one where it cannot be asked. */
export const pageAt = async (tools: EndpointTools, asked: Asked, member: string, place: Place): Promise<ListPage> => {
  const { server_identifier, cursor } = place
  const { _meta } = asked.request.params
  const params = { _meta, ...(cursor !== undefined && { cursor }) }
  try {
    const { result } = await ask(tools, atProvider(asked, server_identifier, params))
    const items = result[member]
    return { items: Array.isArray(items) ? items : [], next: pageAfter(place, result.nextCursor) }
  } catch (thrown) {
    // One that fails, or that the user is not signed in for, keeps nobody from the others.
    const { code } = toReported(thrown)
    if (code === 'cancelled' || code === 'too_many_requests') throw thrown
    return { items: [], next: undefined }
  }
}
