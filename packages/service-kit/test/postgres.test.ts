import { startBackends, startPostgresProxy, until } from '@onbehalf/testkit'
import { sql } from 'kysely'
import t from 'tap'
import { openPostgres } from '../src/index.ts'

const { adminDatabaseUrl } = await startBackends(t)
const proxy = await startPostgresProxy(adminDatabaseUrl)
t.teardown(proxy.stop)
const { db, close } = await openPostgres<unknown>(proxy.urlFor(adminDatabaseUrl))
t.teardown(close)

const ask = () => sql<{ one: number }>`select 1 as one`.execute(db)

t.test('a connection that is cut under a statement fails that statement, and the process goes on', async (t) => {
  const held = proxy.holdCommit('before', /select 1/)
  const asked = ask()
  await held
  proxy.cut()
  await t.rejects(asked)
  proxy.restore()
  t.match(await ask(), { rows: [{ one: 1 }] })
})

t.test('one that is cut within a transaction fails the transaction', async (t) => {
  const work = db.transaction().execute(async (transaction) => {
    await sql`select 1`.execute(transaction)
    proxy.cut()
    await until(() => proxy.connections() === 0)
    await sql`select 1`.execute(transaction)
  })
  await t.rejects(work)
  proxy.restore()
  t.match(await ask(), { rows: [{ one: 1 }] })
})
