import { type AuditEvent, newId, recordAudit } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'
import type { Database, Domain, Writing } from '../database.ts'
import { belongsElsewhere, claimedAlready } from './problems.ts'

export type DomainStore = ReturnType<typeof domainStore>

type Proof = NonNullable<Domain['verified_by']>

export const domainStore = (db: Kysely<Database>) => ({
  /** Throws `conflict` where the tenant has it already, or another one has proved it. */
  claim: (claim: Pick<Domain, 'tenant_id' | 'name' | 'token'>, eventOf: (id: string) => AuditEvent): Promise<Domain> =>
    db.transaction().execute(async (transaction) => {
      if (await isVerified(transaction, claim.name)) throw belongsElsewhere()
      const stored = await transaction
        .insertInto('domain')
        .values({ id: newId(), ...claim, verified_at: null, verified_by: null })
        .onConflict((conflict) => conflict.columns(['tenant_id', 'name']).doNothing())
        .returningAll()
        .executeTakeFirst()
      if (!stored) throw claimedAlready()
      await recordAudit(transaction, eventOf(stored.id))
      return stored
    }),

  find: (tenant_id: string, id: string): Promise<Domain | undefined> =>
    db.selectFrom('domain').selectAll().where('tenant_id', '=', tenant_id).where('id', '=', id).executeTakeFirst(),

  /** The newest first, those before `cursor`. */
  page: (tenant_id: string, { cursor, limit }: { cursor?: string; limit: number }): Promise<Domain[]> =>
    db
      .selectFrom('domain')
      .selectAll()
      .where('tenant_id', '=', tenant_id)
      .$if(cursor !== undefined, (query) => query.where('id', '<', cursor ?? ''))
      .orderBy('id', 'desc')
      .limit(limit)
      .execute(),

  /** Throws `conflict` where another tenant was first. One that is verified stays verified as it was. */
  markVerified: (id: string, by: Proof, event: AuditEvent): Promise<void> =>
    db.transaction().execute((transaction) => verify(transaction, id, by, event)),

  /** Notes that the proof was looked for and not found; one that DNS had verified is not verified any more. */
  markUnproved: (id: string, event: AuditEvent): Promise<void> =>
    db.transaction().execute(async (transaction) => {
      await transaction.updateTable('domain').set({ checked_at: sql<Date>`now()` }).where('id', '=', id).execute()
      const { numUpdatedRows } = await transaction
        .updateTable('domain')
        .set({ verified_at: null, verified_by: null })
        .where('id', '=', id)
        .where('verified_by', '=', 'dns')
        .executeTakeFirst()
      if (numUpdatedRows > 0n) await recordAudit(transaction, event)
    }),

  remove: (tenant_id: string, id: string, eventOf: (domain: Domain) => AuditEvent): Promise<Domain | undefined> =>
    db.transaction().execute(async (transaction) => {
      const removed = await transaction
        .deleteFrom('domain')
        .where('tenant_id', '=', tenant_id)
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst()
      if (removed) await recordAudit(transaction, eventOf(removed))
      return removed
    })
})

const isVerified = async (db: Kysely<Database>, name: string): Promise<boolean> => {
  const query = db.selectFrom('domain').select('id').where('name', '=', name).where('verified_at', 'is not', null)
  return (await query.executeTakeFirst()) !== undefined
}

const verify = async (transaction: Writing, id: string, by: Proof, event: AuditEvent): Promise<void> => {
  await transaction.updateTable('domain').set({ checked_at: sql<Date>`now()` }).where('id', '=', id).execute()
  const { numUpdatedRows } = await transaction
    .updateTable('domain')
    .set({ verified_at: sql<Date>`now()`, verified_by: by })
    .where('id', '=', id)
    .where('verified_at', 'is', null)
    .executeTakeFirst()
    .catch(refuseTaken)
  if (numUpdatedRows > 0n) await recordAudit(transaction, event)
}

const refuseTaken = (error: unknown): never => {
  if (error instanceof Error && 'constraint' in error && error.constraint === 'domain_verified')
    throw belongsElsewhere(error)
  throw error
}

/** What the administrator of the instance says, inside of a transaction that may do more. */
export const instanceDomains = (transaction: Writing) => ({
  /** The tenant's claim of the domain, made where there is none. */
  put: async (claim: Pick<Domain, 'tenant_id' | 'name' | 'token'>): Promise<Domain> =>
    transaction
      .insertInto('domain')
      .values({ id: newId(), ...claim, verified_at: null, verified_by: null })
      .onConflict((conflict) => conflict.columns(['tenant_id', 'name']).doUpdateSet({ name: claim.name }))
      .returningAll()
      .executeTakeFirstOrThrow(),

  verify: (id: string, event: AuditEvent) => verify(transaction, id, 'instance', event),

  /** Takes a verified domain from whoever has it. */
  release: async (name: string, eventOf: (domain: Domain) => AuditEvent): Promise<Domain | undefined> => {
    const released = await transaction
      .deleteFrom('domain')
      .where('name', '=', name)
      .where('verified_at', 'is not', null)
      .returningAll()
      .executeTakeFirst()
    if (released) await recordAudit(transaction, eventOf(released))
    return released
  }
})
