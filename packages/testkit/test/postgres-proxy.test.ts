import { Client } from 'pg'
import t from 'tap'
import { startBackends, startPostgresProxy, until, withClient } from '../src/index.ts'

const { adminDatabaseUrl } = await startBackends(t)
const proxy = await startPostgresProxy(adminDatabaseUrl)
t.teardown(proxy.stop)
await withClient(adminDatabaseUrl, async (client) => {
  await client.query('create table note (text text)')
})
const notes = () =>
  withClient(adminDatabaseUrl, async (client) => {
    const { rows } = await client.query('select text from note order by text')
    return rows.map(({ text }) => text)
  })
const connect = async () => {
  const client = new Client({ connectionString: proxy.urlFor(adminDatabaseUrl) })
  client.on('error', () => {})
  await client.connect()
  return client
}
const insert = 'insert into note values ($1)'

t.test('a transaction is stopped at its commit, and nothing of it is seen until it may go on', async (t) => {
  const client = await connect()
  const arrived = proxy.holdCommit('before', /into note/)
  await client.query('begin')
  await client.query(insert, ['one'])
  const committed = client.query('commit')
  const { release } = await arrived
  t.same(await notes(), [])
  release()
  await committed
  t.same(await notes(), ['one'])
  await client.end()
})

t.test('a statement that stands alone is its own commit, also when it was prepared before', async (t) => {
  const client = await connect()
  const prepared = { name: 'put', text: insert }
  await client.query({ ...prepared, values: ['two'] })
  const arrived = proxy.holdCommit('before', /into note/)
  const committed = client.query({ ...prepared, values: ['three'] })
  const { release } = await arrived
  t.same(await notes(), ['one', 'two'])
  release()
  await committed
  t.same(await notes(), ['one', 'three', 'two'])
  await client.end()
})

t.test('one that is stopped after its commit is there, and its client has not heard of it', async (t) => {
  const client = await connect()
  const arrived = proxy.holdCommit('after', /into note/)
  let hasHeard = false
  const committed = client.query(insert, ['four']).then(() => {
    hasHeard = true
  })
  const { release } = await arrived
  t.same([(await notes()).includes('four'), hasHeard], [true, false])
  release()
  await committed
  await client.end()
})

t.test('one that is dropped never reaches Postgres', async (t) => {
  const client = await connect()
  const arrived = proxy.holdCommit('before', /into note/)
  const committed = client.query(insert, ['five'])
  const { drop } = await arrived
  drop()
  await t.rejects(committed)
  t.notOk((await notes()).includes('five'))
})

t.test('a Postgres that is gone sends everybody away, until it is back', async (t) => {
  const client = await connect()
  proxy.cut()
  await t.rejects(client.query(insert, ['six']))
  await t.rejects(connect())
  await until(() => proxy.sentAway() > 0)
  proxy.restore()
  const again = await connect()
  await again.query(insert, ['seven'])
  await again.end()
  t.match(await notes(), ['four', 'one', 'seven'])
})
