import { migrate, openPostgres } from '@onbehalf/service-kit'
import { startBackends, type TestContext } from '@onbehalf/testkit'
import { sql } from 'kysely'
import t from 'tap'
import { migrations } from '../migrations/index.ts'

const openDatabase = async (t: TestContext) => {
  const backends = await startBackends(t)
  const { DATABASE_URL: url = '' } = backends.environmentFor('identity-broker')
  const { db, close } = await openPostgres(url)
  t.teardown(close)
  return { url, db }
}

t.test('the migrations go down to nothing and up again', async (t) => {
  const { url, db } = await openDatabase(t)
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

t.test('a connection keeps its other quirks when the one that did nothing goes', async (t) => {
  const { url, db } = await openDatabase(t)
  const names = Object.keys(migrations)
  for (const name of names.slice(names.indexOf('0034-scope-quirk')).reverse())
    t.same(await migrate(url, migrations, 'down'), [name])
  await sql`
    with made as (insert into tenant (id, slug, name) values (gen_random_uuid(), 'acme', 'Acme') returning id),
      connected as (
        insert into connection
          (id, tenant_id, name, issuer, client_id, client_authentication, scopes, resource_support, quirks)
        select gen_random_uuid(), id, 'sso', 'https://idp.example', 'onbehalf', 'none', 'openid', 'many',
          '{basic_not_encoded,refresh_without_scope}' from made returning id
      )
    insert into suspected_quirk (connection_id, quirk)
    select id, quirk from connected, unnest('{no_nonce,refresh_without_scope}'::text[]) quirk`.execute(db)
  await migrate(url, migrations, 'up')
  const { rows } = await sql`
    select quirks, array(select quirk from suspected_quirk where connection_id = id) as suspected from connection`.execute(
    db
  )
  t.same(rows, [{ quirks: ['basic_not_encoded'], suspected: ['no_nonce'] }])
})
