import { Kysely, PostgresDialect, type QueryExecutorProvider, sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { Pool } from 'pg'
import type { Dependency } from './health.ts'
import { UnreachableError } from './unreachable-error.ts'

/** SQL that never changes, under a name of its own in its service. */
export type Prepared = { name: string; text: string }

/**
 * Runs a statement that each connection parses and plans once: for the few that are asked all the time, where that is most of
 * the work. It must not select `*` of a table, whose columns a migration may change under a service that runs. A connection
 * on which one fails is closed.
 */
export type RunPrepared = <Row extends object>(statement: Prepared, values: readonly unknown[]) => Promise<Row[]>

export type Postgres<Database> = {
  db: Kysely<Database>
  runPrepared: RunPrepared
  dependency: Dependency
  close: () => Promise<void>
}

/** One pool for a service's own schema. Throws, naming the variable and what was tried, when Postgres cannot be used. */
export const openPostgres = async <Database>(url: string, { max = 10 } = {}): Promise<Postgres<Database>> => {
  const pool = new Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: 10_000,
    keepAlive: true
  })
  // A connection that dies is replaced, and what ran on it failed; without listeners it would end the process, also
  // where it dies between two statements or under one.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) })
  const check = async () => {
    await sql`select 1`.execute(db)
  }
  await check().catch(async (cause: unknown) => {
    await db.destroy()
    throw new UnreachableError('Postgres', 'DATABASE_URL', url, cause)
  })
  const runPrepared: RunPrepared = async <Row extends object>(statement: Prepared, values: readonly unknown[]) =>
    (await pool.query<Row>({ ...statement, values: [...values] })).rows
  return { db, runPrepared, dependency: { name: 'postgres', check }, close: () => db.destroy() }
}

/**
 * What time it is for Postgres, also while a transaction goes on. Where something is dropped or replaced for its age, this
 * decides and not the clock of a replica, which may be far off.
 */
export const databaseTime = async (db: QueryExecutorProvider): Promise<Date> => {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db)
  const [row] = rows
  if (!row) throw new Error('Postgres tells no time')
  return row.now
}

export type Migrations = Readonly<Record<string, Migration>>

/** Runs all migrations that are missing, or takes the newest one back; answers with the names it ran. */
export const migrate = async (url: string, migrations: Migrations, direction: 'up' | 'down'): Promise<string[]> => {
  const { db, close } = await openPostgres<unknown>(url, { max: 1 })
  try {
    const provider = { getMigrations: async (): Promise<Record<string, Migration>> => ({ ...migrations }) }
    const migrator = new Migrator({ db, provider })
    const { error, results = [] } = await (direction === 'up' ? migrator.migrateToLatest() : migrator.migrateDown())
    if (error) throw error
    return results.map(({ migrationName }) => migrationName)
  } finally {
    await close()
  }
}
