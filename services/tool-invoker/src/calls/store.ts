import type { RunPrepared } from '@onbehalf/service-kit'
import { type Kysely, type Selectable, sql } from 'kysely'
import type { Linked } from '../chain/link.ts'
import type { Database } from '../database.ts'
import { insertLists, insertStatement } from './row-columns.ts'

export type CallStore = ReturnType<typeof callStore>

/** Where a page of the list ended. */
export type CallPlace = { started_at: string; id: string }

/** What is looked for; what is left out may be anything. */
export type CallFilters = {
  user_id?: string
  app_id?: string
  server_identifier?: string
  tool?: string
  outcome?: string
  /** From then on, and before then; RFC 3339. */
  since?: string
  until?: string
}

/** A record as it rests. */
export type StoredCall = Selectable<Database['call']>

type Page = { tenant_id: string; filters: CallFilters; after?: CallPlace | undefined; limit: number }

const equal = ['user_id', 'app_id', 'server_identifier', 'tool', 'outcome'] as const

/** The records of calls. */
export const callStore = (db: Kysely<Database>, runPrepared: RunPrepared) => ({
  /** Writes all of them in one statement; one that is there already stays as it is. */
  insert: async (rows: readonly Linked[]): Promise<void> => {
    await runPrepared(insertStatement, insertLists(rows))
  },

  /** The newest first; the intent of a call only where nothing else is known of it. */
  list: async ({ tenant_id, filters, after, limit }: Page): Promise<StoredCall[]> => {
    let query = db.selectFrom('call').selectAll().where('tenant_id', '=', tenant_id).where(isLatest).where(isOfAClock)
    for (const column of equal) {
      const value = filters[column]
      if (value !== undefined) query = query.where(column, '=', value)
    }
    const { since, until } = filters
    if (since !== undefined) query = query.where(sql<boolean>`started_at >= ${since}::timestamptz`)
    if (until !== undefined) query = query.where(sql<boolean>`started_at < ${until}::timestamptz`)
    if (after)
      query = query.where(sql<boolean>`(started_at, id) < (${after.started_at}::timestamptz, ${after.id}::uuid)`)
    return query.orderBy('started_at', 'desc').orderBy('id', 'desc').limit(limit).execute()
  },

  /** Makes the partitions of this month and the next; replicas that start at once do it one after the other. */
  ensurePartitions: (now: Date): Promise<void> =>
    oneByOne(db, async (transaction) => {
      for (const month of [monthOf(now, 0), monthOf(now, 1)])
        if (month.from >= firstMonth) await ensurePartition(transaction, month)
    }),

  /**
   * Makes the partitions of months whose rows rest in the default partition. What no clock says rests there on, and so does
   * what one said that was never set: it would be dropped as old, though it is new.
   */
  partitionDefault: (): Promise<void> =>
    oneByOne(db, async (transaction) => {
      const { rows } = await sql<{ early: Date }>`
        select distinct date_trunc('month', started_at, 'UTC') as early from call_default
        where started_at >= ${firstMonth} and started_at < '9999-01-01Z'`.execute(transaction)
      for (const { early } of rows) await ensurePartition(transaction, monthOf(early, 0))
    })
})

// No call was recorded before: what is dated earlier was dated by a clock that was never set.
const firstMonth = '2020-01-01T00:00:00.000Z'

/** Whoever can write to the database can add what has no time that can be shown; `audit:verify` names it. */
const isOfAClock = sql<boolean>`(
  least(started_at, finished_at) >= '1970-01-01Z' and greatest(started_at, finished_at) < '9999-01-01Z')`

const oneByOne = (db: Kysely<Database>, work: (transaction: Kysely<Database>) => Promise<void>): Promise<void> =>
  db.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(hashtext('call partitions'))`.execute(transaction)
    await work(transaction)
  })

const isLatest = sql<boolean>`(kind is distinct from 'intent' or not exists (
  select 1 from call as ended where ended.started_at = call.started_at and ended.id = call.call_id))`

type Month = { name: string; from: string; until: string }

const monthOf = (now: Date, later: number): Month => {
  const from = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + later)).toISOString()
  const until = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + later + 1)).toISOString()
  return { name: `call_${from.slice(0, 7).replace('-', '_')}`, from, until }
}

// Attached rather than created in place: that would stop all writing, and fail where the default partition has
// records of that month, which are then added again.
const ensurePartition = async (db: Kysely<Database>, { name, from, until }: Month): Promise<void> => {
  const { rows } = await sql`select 1 where to_regclass(${name}) is not null`.execute(db)
  if (rows.length > 0) return
  const table = sql.table(name)
  await sql`create table ${table} (like call including defaults including constraints)`.execute(db)
  await protect(db, name)
  const { rows: early } = await sql`
    select 1 from call_default where started_at >= ${from} and started_at < ${until} limit 1`.execute(db)
  if (early.length > 0) await replaceDefault(db)
  await sql`alter table call attach partition ${table} for values from (${sql.lit(from)}) to (${sql.lit(until)})`.execute(
    db
  )
  if (early.length === 0) return
  await sql`insert into call select * from call_early`.execute(db)
  await sql`drop table call_early`.execute(db)
}

/** Makes an empty default partition; the one before is `call_early` then, and no part of the table any more. */
const replaceDefault = async (db: Kysely<Database>): Promise<void> => {
  await sql`alter table call detach partition call_default`.execute(db)
  await sql`alter table call_default rename to call_early`.execute(db)
  await sql`create table call_default partition of call default`.execute(db)
  await protect(db, 'call_default')
}

// What refuses to change or delete single records comes with the table it becomes a part of.
const protect = async (db: Kysely<Database>, table: string): Promise<void> => {
  await sql`create trigger not_emptied before truncate on ${sql.table(table)} execute function only_added()`.execute(db)
}
