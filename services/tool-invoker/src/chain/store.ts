import { newId } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../database.ts'
import type { Stretch } from './checkpoint.ts'
import type { Linked } from './link.ts'

export type ChainStore = ReturnType<typeof chainStore>

/** Where a page of all chains ended; `exactly_at` is when its last record was started, as Postgres has it. */
export type ChainPlace = Pick<Linked, 'tenant_id' | 'writer' | 'sequence' | 'id'> & { exactly_at: string }

type Times = 'started_at' | 'finished_at'
type StoredLink = Omit<Linked & ChainPlace, 'sequence' | Times> & { sequence: string } & Record<Times, Date>

const pageMax = 2_000
const start: ChainPlace = { tenant_id: zero(), writer: zero(), sequence: 0, id: zero(), exactly_at: '-infinity' }

function zero(): string {
  return '00000000-0000-0000-0000-000000000000'
}

/** The chains of call records, and the statements about them. */
export const chainStore = (db: Kysely<Database>) => ({
  addCheckpoint: async (id: string, statement: string): Promise<void> => {
    await db.insertInto('call_checkpoint').values({ id, statement }).execute()
  },

  checkpoints: async (): Promise<string[]> => {
    const rows = await db.selectFrom('call_checkpoint').select('statement').orderBy('id').execute()
    return rows.map(({ statement }) => statement)
  },

  /** All records in chains, by tenant, writer and sequence, and all that have the same. */
  page: async (after: ChainPlace = start): Promise<(Linked & ChainPlace)[]> => {
    const { tenant_id, writer, sequence, id, exactly_at } = after
    const { rows } = await sql<StoredLink>`
      select *, started_at::text as exactly_at from call
      where (tenant_id, writer, sequence, id, started_at) > (${tenant_id}, ${writer}, ${sequence}, ${id}, ${exactly_at})
      order by tenant_id, writer, sequence, id, started_at limit ${pageMax}`.execute(db)
    return rows.map(({ sequence, started_at, finished_at, ...row }) => ({
      ...row,
      sequence: Number(sequence),
      started_at: started_at.toISOString(),
      finished_at: finished_at.toISOString()
    }))
  },

  /** How many records are in no chain. */
  countLoose: async (): Promise<number> => {
    const { rows } = await sql<{ count: string }>`
      select count(*) from call where writer is null or sequence is null or mac is null`.execute(db)
    return Number(rows[0]?.count ?? 0)
  },

  /** The months that have a partition, as `2026_01`, the oldest first. */
  months: async (): Promise<string[]> => {
    const { rows } = await sql<{ name: string }>`
      select inhrelid::regclass::text as name from pg_inherits where inhparent = 'call'::regclass`.execute(db)
    return rows.flatMap(({ name }) => /^call_(\d{4}_\d{2})$/.exec(name)?.[1] ?? []).sort()
  },

  /** Drops the records of a month, once it is stated which they were; nothing where another replica did. */
  dropMonth: (month: string, state: (stretches: Stretch[]) => string): Promise<void> =>
    db.transaction().execute(async (transaction) => {
      await sql`select pg_advisory_xact_lock(hashtext('call partitions'))`.execute(transaction)
      const table = sql.table(`call_${month}`)
      const { rows: there } = await sql`select 1 where to_regclass(${`call_${month}`}) is not null`.execute(transaction)
      if (there.length === 0) return
      await sql`lock table ${table} in share mode`.execute(transaction)
      const { rows } = await sql<Record<keyof Stretch, string>>`
        select tenant_id, writer, min(sequence) as first, max(sequence) as last,
          (array_agg(mac order by sequence desc))[1] as mac
        from (select *, sequence - row_number() over (partition by tenant_id, writer order by sequence) as stretch
          from ${table} where writer is not null) numbered
        group by tenant_id, writer, stretch`.execute(transaction)
      const statement = state(rows.map((row) => ({ ...row, first: Number(row.first), last: Number(row.last) })))
      await transaction.insertInto('call_checkpoint').values({ id: newId(), statement }).execute()
      await sql`drop table ${table}`.execute(transaction)
    })
})
