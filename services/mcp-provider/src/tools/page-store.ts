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
  /** What they may be as JSON, all together. */
  bytesMax: number
}

// What a page says of a tool beside its definition: whose it is, and its hash.
const entryBytes = 300

/** The tools of all providers of a tenant, page by page. */
export const toolPages = (db: Kysely<Database>) => ({
  /**
   * Tools that may be called, by provider and name: as many as may be and fit, though one at least, and whether there are
   * more. No others are read.
   */
  page: async (sight: Sight, { limit, bytesMax, ...asked }: PageQuery): Promise<StoredPage> => {
    const rows = await db
      .with('following', () => followingOf(db, sight, asked).limit(limit + 1))
      .with('placed', (query) =>
        query
          .selectFrom('following')
          .select(['provider_id', 'server_identifier', 'name'])
          .select(sql<number>`row_number() over place`.as('place'))
          .select(sql<number>`sum(bytes + ${sql.lit(entryBytes)}) over place`.as('bytes_until'))
          .select(sql<boolean>`lead(name) over place is not null`.as('has_next'))
          .modifyEnd(sql`window place as (order by provider_id, name)`)
      )
      .selectFrom('placed')
      .innerJoin('tool', (join) =>
        join.onRef('tool.provider_id', '=', 'placed.provider_id').onRef('tool.name', '=', 'placed.name')
      )
      .select(['placed.provider_id', 'server_identifier', 'definition', 'hash', 'has_next'])
      .where('place', '<=', limit)
      .where(({ eb, or }) => or([eb('place', '=', 1), eb('bytes_until', '<=', bytesMax)]))
      .orderBy('place')
      .execute()
    const tools = rows.map(({ definition, has_next: _, ...row }) => ({ ...row, ...definition }))
    return { tools, hasMore: rows.at(-1)?.has_next ?? false }
  }
})

type StoredPage = { tools: ListedTool[]; hasMore: boolean }

/** The tools that may be called behind a place, without their definitions. */
const followingOf = (
  db: Kysely<Database>,
  sight: Sight,
  { server_identifiers, search, after }: Omit<PageQuery, 'limit' | 'bytesMax'>
) =>
  usable(db.selectFrom('provider'), sight)
    .innerJoin('tool', 'tool.provider_id', 'provider.id')
    .select(['provider.id as provider_id', 'server_identifier', 'tool.name', 'bytes'])
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

const usable = <Selected>(
  query: SelectQueryBuilder<Database, 'provider', Selected>,
  { tenant_id, isExternal }: Sight
): SelectQueryBuilder<Database, 'provider', Selected> =>
  query.where('tenant_id', '=', tenant_id).$if(isExternal, (narrowed) => narrowed.where('external', '=', true))
