import type { ListedTool } from '@onbehalf/contracts'
import { type Kysely, type SelectQueryBuilder, sql } from 'kysely'
import type { Database } from '../database.ts'
import type { Sight } from '../providers/sight.ts'
import { likeOf } from '../search.ts'

export type ToolPages = ReturnType<typeof toolPages>

/** Where a page of tools ended. */
export type ToolPlace = { provider_id: string; name: string }

type PageQuery = {
  server_identifiers: string[] | undefined
  search: string | undefined
  after: ToolPlace | undefined
  limit: number
}

/** The tools of all providers of a tenant, page by page. */
export const toolPages = (db: Kysely<Database>) => ({
  /** Tools that may be called, by provider and name. */
  page: async (sight: Sight, { server_identifiers, search, after, limit }: PageQuery): Promise<ListedTool[]> => {
    const rows = await usable(db.selectFrom('provider'), sight)
      .innerJoin('tool', 'tool.provider_id', 'provider.id')
      .select(['provider.id as provider_id', 'server_identifier', 'definition', 'hash'])
      .where('is_approved', '=', true)
      .$if(server_identifiers !== undefined, (query) =>
        query.where('server_identifier', '=', sql<string>`any(${server_identifiers}::text[])`)
      )
      .$if(search !== undefined, (query) => query.where('words', 'like', likeOf(search ?? '')))
      .$if(after !== undefined, (query) =>
        query
          .where('provider.id', '>=', after?.provider_id ?? '')
          .where(sql<boolean>`(provider.id, tool.name) > (${after?.provider_id}::uuid, ${after?.name})`)
      )
      .orderBy('provider.id')
      .orderBy('tool.name')
      .limit(limit)
      .execute()
    return rows.map(({ definition, ...row }) => ({ ...row, ...definition }))
  }
})

const usable = <Selected>(
  query: SelectQueryBuilder<Database, 'provider', Selected>,
  { tenant_id, isExternal }: Sight
): SelectQueryBuilder<Database, 'provider', Selected> =>
  query.where('tenant_id', '=', tenant_id).$if(isExternal, (narrowed) => narrowed.where('external', '=', true))
