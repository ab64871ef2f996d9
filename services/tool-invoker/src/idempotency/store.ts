import { type Kysely, sql } from 'kysely'
import type { Database } from '../database.ts'

/** Whose key it is: of one caller acting for one user, and nobody else's. */
export type Place = { tenant_id: string; principal_id: string; acting_id: string; key_hash: string }

/** What is known of an earlier call with the key. */
export type Earlier = { body_digest: string; is_finished: boolean; answer: Buffer | null }

export type IdempotencyStore = ReturnType<typeof idempotencyStore>

const batchMax = 10_000

/** Keys that callers gave to their calls, for 24 hours. */
export const idempotencyStore = (db: Kysely<Database>) => ({
  /** Takes the key for a call that is about to begin, or tells of the earlier one. Committed when it resolves. */
  claim: async (place: Place, body_digest: string): Promise<Earlier | 'claimed'> => {
    const { tenant_id, principal_id, acting_id, key_hash } = place
    const { rows } = await sql`
      insert into idempotency (tenant_id, principal_id, acting_id, key_hash, body_digest)
      values (${tenant_id}, ${principal_id}, ${acting_id}, ${key_hash}, ${body_digest})
      on conflict (tenant_id, principal_id, acting_id, key_hash) do update
        set body_digest = excluded.body_digest, is_finished = false, answer = null, created_at = now()
        where idempotency.created_at < now() - interval '24 hours'
      returning 1`.execute(db)
    if (rows.length > 0) return 'claimed'
    const earlier = await at(db.selectFrom('idempotency'), place)
      .select(['body_digest', 'is_finished', 'answer'])
      .executeTakeFirst()
    // It was given back a moment ago.
    return earlier ?? { body_digest, is_finished: false, answer: null }
  },

  /** Keeps the answer; without one it is known only that there was one. */
  finish: async (place: Place, answer: Buffer | null): Promise<void> => {
    await at(db.updateTable('idempotency'), place).set({ is_finished: true, answer }).execute()
  },

  /** Lets go of a tenant's oldest answers, beyond so many bytes; that there was one stays known. */
  dropOldest: async (tenant_id: string, bytesMax: number): Promise<void> => {
    await sql`
      update idempotency set answer = null where ctid = any(array(
        select ctid from (
          select ctid, sum(octet_length(answer)) over (order by created_at desc, key_hash) as bytes
          from idempotency where tenant_id = ${tenant_id} and answer is not null
        ) as kept where bytes > ${bytesMax}))`.execute(db)
  },

  /** Gives the key back: the call was surely not made. */
  release: async (place: Place): Promise<void> => {
    await at(db.deleteFrom('idempotency'), place).execute()
  },

  /** Deletes what is older than 24 hours; how many there were, of so many at once. */
  deleteExpired: async (): Promise<number> => {
    const { numAffectedRows } = await sql`
      delete from idempotency where ctid = any(array(
        select ctid from idempotency where created_at < now() - interval '24 hours' limit ${batchMax}))`.execute(db)
    return Number(numAffectedRows ?? 0)
  }
})

type Narrowable<Query> = { where: (column: keyof Place, operator: '=', value: string) => Query }

const at = <Query extends Narrowable<Query>>(query: Query, place: Place): Query =>
  query
    .where('tenant_id', '=', place.tenant_id)
    .where('principal_id', '=', place.principal_id)
    .where('acting_id', '=', place.acting_id)
    .where('key_hash', '=', place.key_hash)
