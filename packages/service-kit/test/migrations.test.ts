import { serviceNames, startBackends } from '@onbehalf/testkit'
import { sql } from 'kysely'
import t from 'tap'
import { type Migrations, migrate, openPostgres } from '../src/index.ts'
import { runMain } from './main.ts'

const backends = await startBackends(t)
const urlOf = (service: (typeof serviceNames)[number]) => backends.environmentFor(service).DATABASE_URL ?? ''

/** Everything in the service's own schema but what the migrator itself keeps. */
const leftovers = async (service: (typeof serviceNames)[number]): Promise<string[]> => {
  const { db, close } = await openPostgres<unknown>(urlOf(service))
  try {
    const { rows } = await sql<{ name: string }>`
      select relname as name from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where nspname = current_schema() and relname not like 'kysely_migration%'
      union all select typname from pg_type join pg_namespace on pg_namespace.oid = typnamespace
        where nspname = current_schema() and typname not like '%kysely_migration%'
      union all select proname from pg_proc join pg_namespace on pg_namespace.oid = pronamespace
        where nspname = current_schema()
      order by 1`.execute(db)
    return rows.map(({ name }) => name)
  } finally {
    await close()
  }
}

for (const service of serviceNames)
  t.test(`the migrations of ${service} go down to nothing and up to the same again`, async (t) => {
    const before = await leftovers(service)
    t.ok(before.length > 0)
    const main = (...args: string[]) => runMain(service, args, { DATABASE_URL: urlOf(service) })
    t.match(await main('migrate'), { code: 0, stdout: 'nothing to migrate\n' })
    let steps = 0
    while ((await main('migrate', 'down')).stdout !== 'nothing to migrate\n') steps += 1
    t.ok(steps > 0)
    t.same(await leftovers(service), [])
    t.match(await main('migrate', 'up'), { code: 0, stdout: /^migrated up: 0001-/ })
    t.same(await leftovers(service), before)
  })

t.test('a migration that fails leaves nothing of itself behind, and says why', async (t) => {
  const { db, close } = await openPostgres<unknown>(backends.adminDatabaseUrl)
  t.teardown(close)
  await sql`delete from tool_invoker.kysely_migration`.execute(db)
  const migrations: Migrations = {
    '0001-half': {
      up: async (transaction) => {
        await sql`create table half (id integer)`.execute(transaction)
        await sql`select 1 / 0`.execute(transaction)
      }
    }
  }
  await t.rejects(migrate(urlOf('tool-invoker'), migrations, 'up'), { message: /division by zero/ })
  const { rows } = await sql`select from pg_tables where tablename = 'half'`.execute(db)
  t.same(rows, [])
})
