import { type AuditEvent, recordAudit } from '@onbehalf/service-kit'
import type { Kysely } from 'kysely'
import { countAlone } from '../count-store.ts'
import type { AudiencePatternRow, Database, Writing } from '../database.ts'

export type AudienceStore = ReturnType<typeof audienceStore>
type AudienceWrites = ReturnType<typeof audienceWrites>

type NewPattern = Pick<AudiencePatternRow, 'id' | 'tenant_id' | 'pattern'>

/** The patterns of audiences that a tenant allows beside its registered servers. */
export const audienceStore = (db: Kysely<Database>) => ({
  all: (tenant_id: string): Promise<AudiencePatternRow[]> =>
    db.selectFrom('audience_pattern').selectAll().where('tenant_id', '=', tenant_id).execute(),

  /** A page, newest first; `cursor` is the last id of the page before. */
  page: (tenant_id: string, { limit, cursor }: { limit: number; cursor?: string }): Promise<AudiencePatternRow[]> =>
    db
      .selectFrom('audience_pattern')
      .selectAll()
      .where('tenant_id', '=', tenant_id)
      .$if(cursor !== undefined, (query) => query.where('id', '<', cursor ?? ''))
      .orderBy('id', 'desc')
      .limit(limit)
      .execute(),

  transaction: <Result>(work: (store: AudienceWrites) => Promise<Result>): Promise<Result> =>
    db.transaction().execute((transaction) => work(audienceWrites(transaction))),

  /** Whether there was one to take away. */
  remove: (tenant_id: string, id: string, event: AuditEvent): Promise<boolean> =>
    db.transaction().execute(async (transaction) => {
      const removed = await transaction
        .deleteFrom('audience_pattern')
        .where('tenant_id', '=', tenant_id)
        .where('id', '=', id)
        .returning('pattern')
        .executeTakeFirst()
      if (!removed) return false
      await recordAudit(transaction, { ...event, details: { pattern: removed.pattern } })
      return true
    })
})

/** Inside of a transaction. */
const audienceWrites = (db: Writing) => ({
  /** How many the tenant has; nobody else counts them until the transaction ends. */
  countAlone: (tenant_id: string): Promise<number> => countAlone(db, 'audience_pattern', tenant_id),

  /** Undefined where the tenant has the pattern already. */
  insert: (row: NewPattern, event: AuditEvent): Promise<AudiencePatternRow | undefined> => insertPattern(db, row, event)
})

/** Inside of a transaction that does more. */
export const insertPattern = async (transaction: Writing, row: NewPattern, event: AuditEvent) => {
  const made = await transaction
    .insertInto('audience_pattern')
    .values(row)
    .onConflict((conflict) => conflict.columns(['tenant_id', 'pattern']).doNothing())
    .returningAll()
    .executeTakeFirst()
  if (made) await recordAudit(transaction, event)
  return made
}
