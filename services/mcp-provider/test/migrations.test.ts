import { migrate, openPostgres } from '@onbehalf/service-kit'
import { startBackends } from '@onbehalf/testkit'
import { sql } from 'kysely'
import t from 'tap'
import { migrations } from '../migrations/index.ts'

t.test('the migrations go down to nothing and up again', async (t) => {
  const backends = await startBackends(t)
  const { DATABASE_URL: url = '' } = backends.environmentFor('mcp-provider')
  const { db, close } = await openPostgres(url)
  t.teardown(close)
  const tables = async () => {
    const { rows } = await sql<{ name: string }>`
      select table_name as name from information_schema.tables
      where table_schema = 'mcp_provider' and table_name not like 'kysely%' order by 1`.execute(db)
    return rows.map(({ name }) => name)
  }
  const own = ['oauth_client', 'oauth_credential', 'oauth_revocation', 'provider', 'signing_key', 'tool']
  const all = ['audit_event', 'data_key', ...own]
  t.same(await tables(), all)
  t.same(await migrate(url, migrations, 'up'), [])
  const names = Object.keys(migrations)
  for (const name of names.toReversed()) t.same(await migrate(url, migrations, 'down'), [name])
  t.same(await tables(), [])
  t.same(await migrate(url, migrations, 'up'), names)
  t.same(await tables(), all)
})

t.test('the table itself refuses to forward nothing', async (t) => {
  const backends = await startBackends(t)
  const { db, close } = await openPostgres(backends.environmentFor('mcp-provider').DATABASE_URL ?? '')
  t.teardown(close)
  const insert = sql`
    insert into provider (id, tenant_id, name, server_identifier, server_url, server_url_hash, timeout, sse_read_timeout,
      forward_user_identity, identity_mode, tools_status, created_by)
    values (gen_random_uuid(), gen_random_uuid(), 'a', 'a', '', '', 1, 1, true, 'off', 'stale', gen_random_uuid())`
  await t.rejects(insert.execute(db), { message: /provider_forwards_something/ })
})

t.test('tools that were there before have their size as well', async (t) => {
  const backends = await startBackends(t)
  const { DATABASE_URL: url = '' } = backends.environmentFor('mcp-provider')
  const { db, close } = await openPostgres(url)
  t.teardown(close)
  const names = Object.keys(migrations)
  for (const name of names.slice(names.indexOf('0024-tool-bytes')).toReversed())
    t.same(await migrate(url, migrations, 'down'), [name])
  const definition = JSON.stringify({ name: 'é', description: '\u0000 \ud800' })
  await sql`
    with made as (
      insert into provider (id, tenant_id, name, server_identifier, server_url, server_url_hash, timeout, sse_read_timeout,
        forward_user_identity, identity_mode, tools_status, created_by)
      values (gen_random_uuid(), gen_random_uuid(), 'a', 'a', '', '', 1, 1, false, 'off', 'stale', gen_random_uuid())
      returning id)
    insert into tool (provider_id, name, position, definition, hash) select id, 'a', 0, ${definition}, '' from made`.execute(
    db
  )
  await migrate(url, migrations, 'up')
  const { rows } = await sql<{ bytes: number }>`select bytes from tool`.execute(db)
  t.same(rows, [{ bytes: Buffer.byteLength(definition) }])
})
