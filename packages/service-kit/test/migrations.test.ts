import { inRepository, type ServiceName, serviceNames, startBackends } from '@onbehalf/testkit'
import { sql } from 'kysely'
import t from 'tap'
import { type Migrations, migrate, openPostgres } from '../src/index.ts'
import { runMain } from './main.ts'

const backends = await startBackends(t)
const urlOf = (service: ServiceName) => backends.environmentFor(service).DATABASE_URL ?? ''

/** Everything in the service's own schema but what the migrator itself keeps. */
const leftovers = async (service: ServiceName): Promise<string[]> => {
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

const migrationsOf = async (service: ServiceName): Promise<Migrations> => {
  const { migrations }: { migrations: Migrations } = await import(
    inRepository(`services/${service}/migrations/index.ts`)
  )
  return migrations
}

for (const service of serviceNames)
  t.test(`the migrations of ${service} go down to nothing and up to the same again`, async (t) => {
    const migrations = await migrationsOf(service)
    const before = await leftovers(service)
    t.ok(before.length > 0)
    t.same(await migrate(urlOf(service), migrations, 'up'), [])
    const down: string[] = []
    for (;;) {
      const ran = await migrate(urlOf(service), migrations, 'down')
      if (ran.length === 0) break
      down.unshift(...ran)
    }
    t.same(down, Object.keys(migrations).sort())
    t.same(await leftovers(service), [])
    t.same(await migrate(urlOf(service), migrations, 'up'), down)
    t.same(await leftovers(service), before)
  })

t.test("a service's program migrates one step down, and up to the newest", async (t) => {
  const run = (...args: string[]) => runMain('device-auth', args, { DATABASE_URL: urlOf('device-auth') })
  const newest = Object.keys(await migrationsOf('device-auth'))
    .sort()
    .at(-1)
  t.match(await run('migrate', 'down'), { code: 0, stdout: `migrated down: ${newest}\n` })
  t.match(await run('migrate'), { code: 0, stdout: `migrated up: ${newest}\n` })
  t.match(await run('migrate', 'up'), { code: 0, stdout: 'nothing to migrate\n' })
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
