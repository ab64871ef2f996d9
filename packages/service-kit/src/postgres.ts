import { Kysely, PostgresDialect, sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { Pool } from 'pg'
import type { Dependency } from './health.ts'
import { redact } from './redact.ts'

export type Postgres<Database> = { db: Kysely<Database>; dependency: Dependency; close: () => Promise<void> }

/** One pool for a service's own schema. Throws, naming the variable and what was tried, when Postgres does not answer. */
export const openPostgres = async <Database>(url: string, { max = 10 } = {}): Promise<Postgres<Database>> => {
  const pool = new Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: 10_000,
    keepAlive: true
  })
  // A connection that dies while idle is replaced; without a listener it would end the process.
  pool.on('error', () => {})
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) })
  const check = async () => {
    await sql`select 1`.execute(db)
  }
  await check().catch(async (cause: unknown) => {
    await db.destroy()
    throw new UnreachableError('Postgres', 'DATABASE_URL', url, cause)
  })
  return { db, dependency: { name: 'postgres', check }, close: () => db.destroy() }
}

/** A dependency that does not answer, in one line that names its variable and what was tried, without its password. */
export class UnreachableError extends Error {
  constructor(name: string, variable: string, url: string, cause: unknown) {
    super(`${name} does not answer (${variable}): tried ${withoutPassword(url)}: ${redact(wordsOf(cause))}`, { cause })
    this.name = 'UnreachableError'
  }
}

/** Where several addresses of one name were tried, the error itself says nothing; its code does. */
const wordsOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  return cause.message || ('code' in cause ? String(cause.code) : cause.name)
}

/** One URL, or several with commas between them, as NATS has them. */
const withoutPassword = (urls: string): string => {
  if (!URL.canParse(urls) && urls.includes(',')) return urls.split(',').map(withoutPassword).join(', ')
  if (/^[\w.-]+:\d+$/.test(urls)) return urls
  if (!URL.canParse(urls)) return 'a value that is not a URL'
  const { protocol, username, host, pathname } = new URL(urls)
  return `${protocol}//${username ? `${username}@` : ''}${host}${pathname}`
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
