import { type Kysely, type SelectQueryBuilder, sql } from 'kysely'
import type { Database, ProviderRow } from '../database.ts'
import { likeOf } from '../search.ts'

export type ProviderOrder = 'name' | '-name' | 'created_at' | '-created_at'

/** Where a page ended. */
export type ProviderPlace = Pick<ProviderRow, 'id' | 'name'>

export type ProviderPageQuery = { order: ProviderOrder; search?: string; after?: ProviderPlace; limit: number }

export type ProviderPages = ReturnType<typeof providerPages>

/** The providers of a tenant, page by page. */
export const providerPages = (db: Kysely<Database>) => ({
  /** Those after a place whose name or identifier holds what is searched; ids grow in the order they were made. */
  page: (tenant_id: string, { order, search, after, limit }: ProviderPageQuery): Promise<ProviderRow[]> => {
    const query = db
      .selectFrom('provider')
      .selectAll()
      .where('tenant_id', '=', tenant_id)
      .$if(search !== undefined, (all) =>
        all.where(sql<string>`lower(name) || ' ' || server_identifier`, 'like', likeOf(search ?? ''))
      )
      .limit(limit)
    return ordered[order](query, after).execute()
  }
})

type Query = SelectQueryBuilder<Database, 'provider', ProviderRow>
type Order = (query: Query, after: ProviderPlace | undefined) => Query

const byName =
  (direction: 'asc' | 'desc'): Order =>
  (query, after) =>
    query
      .$if(after !== undefined, (all) => {
        const place = sql`(lower(${after?.name}), ${after?.id}::uuid)`
        return all.where(sql<boolean>`(lower(name), id) ${direction === 'asc' ? sql`>` : sql`<`} ${place}`)
      })
      .orderBy(sql`lower(name)`, direction)
      .orderBy('id', direction)

const byAge =
  (direction: 'asc' | 'desc'): Order =>
  (query, after) =>
    query
      .$if(after !== undefined, (all) => all.where('id', direction === 'asc' ? '>' : '<', after?.id ?? ''))
      .orderBy('id', direction)

const ordered: Readonly<Record<ProviderOrder, Order>> = {
  name: byName('asc'),
  '-name': byName('desc'),
  created_at: byAge('asc'),
  '-created_at': byAge('desc')
}
