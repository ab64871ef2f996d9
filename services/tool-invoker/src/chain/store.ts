import { databaseTime, newId } from '@onbehalf/service-kit'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Database } from '../database.ts'
import { droppedStart } from './checkpoint.ts'
import type { Linked } from './link.ts'

export type ChainStore = ReturnType<typeof chainStore>

/** Where a page of all chains ended; `exactly_at` is when its last record was started, as Postgres has it. */
export type ChainPlace = Pick<Linked, 'tenant_id' | 'writer' | 'sequence' | 'id'> & { exactly_at: string }

/** A record of a month; `before` has the `mac` of what it may follow, null where that is the record read before. */
export type MonthRecord = Linked & ChainPlace & { before: string[] | null }

/** What there is of a month, and the statements of those that were dropped. */
export type Month = { pages: AsyncIterable<MonthRecord[]>; statements: string[] }

type Times = 'started_at' | 'finished_at'
type Stored<Row extends Linked> = Omit<Row, 'sequence' | Times> & { sequence: string } & Record<Times, Date>

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
    const { rows } = await sql<Stored<Linked & ChainPlace>>`
      select *, started_at::text as exactly_at from call
      where (tenant_id, writer, sequence, id, started_at) > (${tenant_id}, ${writer}, ${sequence}, ${id}, ${exactly_at})
      order by tenant_id, writer, sequence, id, started_at limit ${pageMax}`.execute(db)
    return rows.map(asLinked)
  },

  /** How many records are in no chain. */
  countLoose: async (): Promise<number> => {
    const { rows } = await sql<{ count: string }>`
      select count(*) from call where writer is null or sequence is null or mac is null`.execute(db)
    return Number(rows[0]?.count ?? 0)
  },

  /** What decides whether a month is too old. */
  now: (): Promise<Date> => databaseTime(db),

  /** The months that have a partition, as `2026_01`, the oldest first. */
  months: async (): Promise<string[]> => {
    const { rows } = await sql<{ name: string }>`
      select inhrelid::regclass::text as name from pg_inherits where inhparent = 'call'::regclass`.execute(db)
    return rows.flatMap(({ name }) => /^call_(\d{4}_\d{2})$/.exec(name)?.[1] ?? []).sort()
  },

  /**
   * Drops the records of a month, once it is stated which they were; nothing where another replica did, or where they
   * cannot be stated.
   */
  dropMonth: (month: string, state: (found: Month) => Promise<string | undefined>): Promise<void> =>
    db.transaction().execute(async (transaction) => {
      await sql`select pg_advisory_xact_lock(hashtext('call partitions'))`.execute(transaction)
      const table = sql.table(`call_${month}`)
      const { rows: there } = await sql`select 1 where to_regclass(${`call_${month}`}) is not null`.execute(transaction)
      if (there.length === 0) return
      await sql`lock table ${table} in share mode`.execute(transaction)
      const { rows } = await sql<{ statement: string }>`
        select statement from call_checkpoint
        where left(statement, ${droppedStart.length}) = ${droppedStart}`.execute(transaction)
      const statements = rows.map((row) => row.statement)
      const statement = await state({ pages: pagesOf(transaction, table), statements })
      if (statement === undefined) return
      await transaction.insertInto('call_checkpoint').values({ id: newId(), statement }).execute()
      await sql`drop table ${table}`.execute(transaction)
    })
})

// What a record follows is looked for in all months, where it is not the one before it here.
const pagesOf = async function* (db: Kysely<Database>, table: RawBuilder<unknown>): AsyncGenerator<MonthRecord[]> {
  let after: ChainPlace | undefined = start
  while (after) {
    const { tenant_id, writer, sequence, id, exactly_at }: ChainPlace = after
    const { rows } = await sql<Stored<MonthRecord>>`
      select *, started_at::text as exactly_at,
        case when lag(sequence) over chain = sequence - 1 then null else array(
          select mac from call earlier where earlier.tenant_id = record.tenant_id
            and earlier.writer = record.writer and earlier.sequence = record.sequence - 1) end as before
      from ${table} record
      where (tenant_id, writer, sequence, id, started_at) > (${tenant_id}, ${writer}, ${sequence}, ${id}, ${exactly_at})
      window chain as (partition by tenant_id, writer order by sequence, id, started_at)
      order by tenant_id, writer, sequence, id, started_at limit ${pageMax}`.execute(db)
    const page: MonthRecord[] = rows.map(asLinked)
    yield page
    after = page.at(-1)
  }
}

const asLinked = <Row extends Linked>({ sequence, started_at, finished_at, ...row }: Stored<Row>) => ({
  ...row,
  sequence: Number(sequence),
  started_at: textOf(started_at),
  finished_at: textOf(finished_at)
})

// What others added may have a time that is none here, as infinity; in no record of ours there is one.
const textOf = (stored: Date): string => {
  const time = new Date(stored)
  return Number.isNaN(time.getTime()) ? String(stored) : time.toISOString()
}
