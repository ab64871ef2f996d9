import { type AuditEvent, recordAudit } from '@onbehalf/service-kit'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '../database.ts'
import type { Listing, Tool } from './tool.ts'

export type ToolStore = ReturnType<typeof toolStore>

// Five parameters a row; a statement takes 65,535.
const rowsPerStatement = 5_000

/** The catalogues, as the servers last told them. */
export const toolStore = (db: Kysely<Database>) => ({
  /** In the server's own order. */
  of: async (provider_id: string): Promise<Tool[]> => {
    const rows = await db
      .selectFrom('tool')
      .select(['definition', 'hash'])
      .where('provider_id', '=', provider_id)
      .orderBy('position')
      .execute()
    return rows.map(({ definition, hash }) => ({ ...definition, hash }))
  },

  /** Keeps how a listing went; false when the server is reached in another way meanwhile, or is gone. */
  keep: (provider: { id: string; reach_revision: number }, listing: Listing, event: AuditEvent): Promise<boolean> =>
    db.transaction().execute(async (transaction) => {
      const { tools_status, tools_error } = listing
      const { numUpdatedRows } = await transaction
        .updateTable('provider')
        .set({ tools_status, tools_error, ...('tools' in listing ? { tools_listed_at: sql<Date>`now()` } : {}) })
        .where('id', '=', provider.id)
        .where('reach_revision', '=', provider.reach_revision)
        .executeTakeFirst()
      if (numUpdatedRows === 0n) return false
      await recordAudit(transaction, event)
      if ('tools' in listing) await replaceTools(transaction, provider.id, listing.tools)
      return true
    })
})

const replaceTools = async (transaction: Transaction<Database>, provider_id: string, tools: Tool[]): Promise<void> => {
  await transaction.deleteFrom('tool').where('provider_id', '=', provider_id).execute()
  const rows = tools.map(({ hash, ...definition }, position) => ({
    ...{ provider_id, name: definition.name, position, hash },
    definition: JSON.stringify(definition)
  }))
  for (let from = 0; from < rows.length; from += rowsPerStatement)
    await transaction
      .insertInto('tool')
      .values(rows.slice(from, from + rowsPerStatement))
      .execute()
}
