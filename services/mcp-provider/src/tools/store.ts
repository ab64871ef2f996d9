import { type AuditEvent, recordAudit } from '@onbehalf/service-kit'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '../database.ts'
import { type Diff, diffOf, type KnownTool, standingOf } from './diff.ts'
import type { KeptTool, Listing, SeenTool, Tool } from './tool.ts'

export type ToolStore = ReturnType<typeof toolStore>

// Eight parameters a row; a statement takes 65,535.
const rowsPerStatement = 5_000

/** The catalogues, as the servers last told them. */
export const toolStore = (db: Kysely<Database>) => ({
  /** In the server's own order. */
  of: async (provider_id: string): Promise<KeptTool[]> => {
    const rows = await db
      .selectFrom('tool')
      .select(['definition', 'hash', 'is_approved', 'approved_definition'])
      .where('provider_id', '=', provider_id)
      .orderBy('position')
      .execute()
    return rows.map(({ definition, approved_definition, ...row }) => ({
      ...definition,
      ...row,
      ...(approved_definition ? { approved_definition } : {})
    }))
  },

  /** How many each of these providers has, and what they are as JSON; none for one that has none. */
  sizesOf: async (provider_ids: readonly string[]): Promise<Map<string, ToolsSize>> => {
    const rows = await db
      .selectFrom('tool')
      .select(({ fn }) => ['provider_id', fn.countAll<string>().as('count'), fn.sum<string>('bytes').as('bytes')])
      .where('provider_id', '=', sql<string>`any(${provider_ids}::uuid[])`)
      .groupBy('provider_id')
      .execute()
    return new Map(
      rows.map(({ provider_id, count, bytes }) => [provider_id, { count: Number(count), bytes: Number(bytes) }])
    )
  },

  /** Those of many providers, by provider. */
  ofMany: async (provider_ids: readonly string[]): Promise<Map<string, KeptTool[]>> => {
    const rows = await db
      .selectFrom('tool')
      .select(['provider_id', 'definition', 'hash', 'is_approved'])
      .where('provider_id', '=', sql<string>`any(${provider_ids}::uuid[])`)
      .orderBy('position')
      .execute()
    const byProvider = new Map<string, KeptTool[]>(provider_ids.map((id) => [id, []]))
    for (const { provider_id, definition, ...row } of rows) byProvider.get(provider_id)?.push({ ...definition, ...row })
    return byProvider
  },

  /**
   * Keeps how a listing went, and answers with what it changed; undefined when the server is reached in another way
   * meanwhile, or is gone. `eventOf` is given the change; undefined leaves it off the record.
   */
  keep: (
    provider: { id: string; reach_revision: number },
    listing: Listing,
    eventOf: (diff: Diff) => AuditEvent | undefined
  ): Promise<Diff | undefined> =>
    db.transaction().execute(async (transaction) => {
      const { tools_status, tools_error } = listing
      const row = await transaction
        .updateTable('provider')
        .set({
          ...{ tools_status, tools_error },
          ...('tools' in listing
            ? { tools_listed_at: sql<Date>`now()`, tools_left_out: JSON.stringify(listing.left_out) }
            : {})
        })
        .where('id', '=', provider.id)
        .where('reach_revision', '=', provider.reach_revision)
        .returning('tool_changes')
        .executeTakeFirst()
      if (!row) return undefined
      const isReviewed = row.tool_changes === 'review'
      const diff = 'tools' in listing ? await replaceTools(transaction, provider.id, listing.tools, isReviewed) : none
      const event = eventOf(diff)
      if (event) await recordAudit(transaction, event)
      return diff
    }),

  /**
   * Lets tools be called as the approver saw them, each by name and hash: all of them, or none where one is missing.
   * Answers with the names of those that were found.
   */
  approve: (provider_id: string, seen: readonly SeenTool[], event: AuditEvent): Promise<string[]> =>
    db.transaction().execute(async (transaction) => {
      const found = await transaction
        .selectFrom('tool')
        .select('name')
        .where('provider_id', '=', provider_id)
        .where(({ eb, or, and }) =>
          or(seen.map(({ name, hash }) => and([eb('name', '=', name), eb('hash', '=', hash)])))
        )
        .orderBy('name')
        .forUpdate()
        .execute()
      const names = found.map(({ name }) => name)
      if (names.length < seen.length) return names
      await transaction
        .updateTable('tool')
        .set({ is_approved: true, approved_definition: null })
        .where('provider_id', '=', provider_id)
        .where('name', 'in', names)
        .execute()
      await recordAudit(transaction, event)
      return names
    })
})

export type ToolsSize = { count: number; bytes: number }

const none: Diff = { added: [], changed: [], removed: [] }

const replaceTools = async (
  transaction: Transaction<Database>,
  provider_id: string,
  tools: Tool[],
  isReviewed: boolean
): Promise<Diff> => {
  const known: KnownTool[] = await transaction
    .deleteFrom('tool')
    .where('provider_id', '=', provider_id)
    .returning(['name', 'hash', 'is_approved', 'definition', 'approved_definition'])
    .execute()
  const before = new Map(known.map((one) => [one.name, one]))
  const rows = tools.map((tool, position) => {
    const { is_approved, approved_definition } = standingOf(tool, before.get(tool.name), isReviewed)
    return { ...rowOf(provider_id, tool, position), is_approved, approved_definition: jsonOf(approved_definition) }
  })
  for (let from = 0; from < rows.length; from += rowsPerStatement)
    await transaction
      .insertInto('tool')
      .values(rows.slice(from, from + rowsPerStatement))
      .execute()
  return diffOf(known, tools)
}

const rowOf = (provider_id: string, { hash, ...definition }: Tool, position: number) => {
  const { name, title = '', description } = definition
  const words = `${name} ${title} ${description}`.toLowerCase().replaceAll('\u0000', '')
  return { provider_id, name, position, hash, words, definition: JSON.stringify(definition) }
}

const jsonOf = (value: object | null): string | null => value && JSON.stringify(value)
