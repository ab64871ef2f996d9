import { migrate, openPostgres } from '@onbehalf/service-kit'
import { startBackends } from '@onbehalf/testkit'
import { sql } from 'kysely'
import t from 'tap'
import { migrations } from '../migrations/index.ts'

t.test('the migrations go down to nothing and up again', async (t) => {
  const backends = await startBackends(t)
  const { DATABASE_URL: url = '' } = backends.environmentFor('identity-broker')
  const { db, close } = await openPostgres(url)
  t.teardown(close)
  const columns = async () => {
    const { rows } = await sql<{ column: string }>`
      select table_name || '.' || column_name || ' ' || data_type as column from information_schema.columns
      where table_schema = 'identity_broker' and table_name not like 'kysely%' order by 1`.execute(db)
    return rows.map(({ column }) => column)
  }
  const all = await columns()
  const names = Object.keys(migrations)
  for (const name of [...names].reverse()) t.same(await migrate(url, migrations, 'down'), [name])
  t.same(await columns(), [])
  t.same(await migrate(url, migrations, 'up'), names)
  t.same(await columns(), all)
})
