import { type Kysely, sql } from 'kysely'
import type { CallTable, Database } from '../database.ts'

export type CallStore = ReturnType<typeof callStore>

/** Where a page of the list ended. */
export type CallPlace = { started_at: string; id: string }

type Page = { tenant_id: string; user_id?: string; after?: CallPlace | undefined; limit: number }

/** The records of calls. */
export const callStore = (db: Kysely<Database>) => ({
  /** Writes all of them in one statement; one that is there already stays as it is. */
  insert: async (rows: readonly CallTable[]): Promise<void> => {
    const json = JSON.stringify(rows.map(storable))
    await sql`insert into call select * from json_populate_recordset(null::call, ${json}::json)
      on conflict do nothing`.execute(db)
  },

  /** The newest first. With `user_id` those of that user only. */
  list: async ({ tenant_id, user_id, after, limit }: Page): Promise<CallTable[]> => {
    let query = db.selectFrom('call').selectAll().where('tenant_id', '=', tenant_id)
    if (user_id !== undefined) query = query.where('user_id', '=', user_id)
    if (after)
      query = query.where(sql<boolean>`(started_at, id) < (${after.started_at}::timestamptz, ${after.id}::uuid)`)
    return query.orderBy('started_at', 'desc').orderBy('id', 'desc').limit(limit).execute()
  },

  /** Makes the partitions of this month and the next; replicas that start at once do it one after the other. */
  ensurePartitions: (now: Date): Promise<void> =>
    db.transaction().execute(async (transaction) => {
      await sql`select pg_advisory_xact_lock(hashtext('call partitions'))`.execute(transaction)
      for (const months of [0, 1]) await ensurePartition(transaction, monthOf(now, months))
    })
})

// What others wrote, made into what Postgres can keep: one bad row would hold back all rows behind it.
const storable = (row: CallTable): CallTable => ({
  ...row,
  tool: storableText(row.tool),
  audience: row.audience === null ? null : storableText(row.audience),
  token_jti: row.token_jti === null ? null : storableText(row.token_jti)
})
const storableText = (text: string): string => text.toWellFormed().replaceAll('\0', '')

type Month = { name: string; from: string; until: string }

const monthOf = (now: Date, later: number): Month => {
  const from = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + later)).toISOString()
  const until = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + later + 1)).toISOString()
  return { name: `call_${from.slice(0, 7).replace('-', '_')}`, from, until }
}

// Attached rather than created in place: that would stop all writing, and fail where the default partition has
// rows of that month, which are moved here.
const ensurePartition = async (db: Kysely<Database>, { name, from, until }: Month): Promise<void> => {
  const { rows } = await sql`select 1 where to_regclass(${name}) is not null`.execute(db)
  if (rows.length > 0) return
  const table = sql.table(name)
  await sql`create table ${table} (like call including defaults including constraints)`.execute(db)
  await sql`with moved as (delete from call_default where started_at >= ${from} and started_at < ${until} returning *)
    insert into ${table} select * from moved`.execute(db)
  await sql`alter table call attach partition ${table} for values from (${sql.lit(from)}) to (${sql.lit(until)})`.execute(
    db
  )
}
