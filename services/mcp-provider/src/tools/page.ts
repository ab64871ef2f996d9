import { type ListedTool, listTools, type Principal, toolsPerPageMax } from '@onbehalf/contracts'
import { createLiveCache, lengthOf, type TicketReader, type WrittenReply, writeReply } from '@onbehalf/rpc'
import { readCursor, writeCursor } from '@onbehalf/service-kit'
import { type Static, Type } from '@sinclair/typebox'
import { type Sight, sightOf } from '../providers/sight.ts'
import type { ToolPages as StoredPages, ToolPlace } from './page-store.ts'

type Asked = Static<typeof listTools.request>
/** Written once: to write a page takes longer than all the rest of an answer from the cache. */
type Page = WrittenReply<typeof listTools.reply>
type Question = { sight: Sight; asked: Omit<Asked, 'principal'> }
type Held = { tenant_id: string; page: Page }

const limitDefault = 50
const pageBytesMax = 480 * 1024
const heldBytesMax = 64 * 1024 * 1024
const entryBytes = 1_000

export type ToolPages = {
  /** A page of what the principal may call. */
  find: (asked: Asked) => Promise<Page>
  dropTenant: (tenant_id: string) => void
  dropAll: () => void
}

/** Pages of tools, held until something of their tenant changes. */
export const createToolPages = ({
  tools,
  readPrincipal
}: {
  tools: StoredPages
  readPrincipal: TicketReader<Principal>
}): ToolPages => {
  const cache = createLiveCache<Question, Held>({
    max: heldBytesMax,
    weightOf: ({ page }) => lengthOf(page) + entryBytes,
    keyOf: ({ sight: { tenant_id, isExternal }, asked: { server_identifiers, search, cursor, limit } }) =>
      JSON.stringify([tenant_id, isExternal, server_identifiers, search, cursor, limit]),
    load: (question) => loadPage(tools, question),
    tagsOf: ({ tenant_id }) => [`tenant:${tenant_id}`]
  })
  return {
    find: async ({ principal, ...asked }) => {
      const { page } = await cache.get({ sight: sightOf(await readPrincipal(principal)), asked })
      return page
    },
    dropTenant: (tenant_id) => cache.dropTag(`tenant:${tenant_id}`),
    dropAll: cache.dropAll
  }
}

const loadPage = async (tools: StoredPages, { sight, asked }: Question): Promise<Held> => {
  const limit = Math.min(asked.limit ?? limitDefault, toolsPerPageMax)
  const after = asked.cursor === undefined ? undefined : placeOf(asked.cursor)
  const { server_identifiers, search } = asked
  const page = await tools.page(sight, { server_identifiers, search, after, limit, bytesMax: pageBytesMax })
  const last = page.tools.at(-1)
  const next_cursor = last && page.hasMore ? cursorOf(last) : null
  return { tenant_id: sight.tenant_id, page: writeReply(listTools, { data: page.tools, next_cursor }) }
}

const Place = Type.Tuple([Type.String({ format: 'uuid' }), Type.String()])

const cursorOf = ({ provider_id, name }: ListedTool): string => writeCursor([provider_id, name])

const placeOf = (cursor: string): ToolPlace => {
  const [provider_id, name] = readCursor(Place, cursor)
  return { provider_id, name }
}
