import { randomUUID } from 'node:crypto'
import { untilLocked } from '@onbehalf/testkit'
import { Client } from 'pg'
import t from 'tap'
import { startNotingServer } from '../mcp-server.ts'
import { startService } from '../start.ts'

const noting = await startNotingServer(t)
const { as, backends, broker, resources } = await startService(t, { allow: [noting.address] })
const url = '/v1/mcp-providers'

let made = 0
const fresh = () => {
  made += 1
  return { name: `n${made}`, server_identifier: `n${made}`, server_url: `${noting.url}/${made}` }
}
/** A tenant with so many providers. */
const startTenant = async (count: number) => {
  const owner = await broker.signIn({ role: 'owner' })
  const { tenant_id } = owner
  const [first] = [await as(owner)('POST', url, fresh())]
  const row = await resources.db
    .selectFrom('provider')
    .selectAll()
    .where('id', '=', first.body.id)
    .executeTakeFirstOrThrow()
  const rows = Array.from({ length: count - 1 }, (_, index) => {
    const unique = {
      id: randomUUID(),
      name: `old-${index}`,
      server_identifier: `old-${index}`,
      server_url_hash: `${index}`
    }
    return { ...row, ...unique, tools_left_out: '[]' }
  })
  await resources.db.insertInto('provider').values(rows).execute()
  const many = async () => {
    const all = resources.db.selectFrom('provider').select(({ fn }) => fn.countAll<string>().as('count'))
    return Number((await all.where('tenant_id', '=', tenant_id).executeTakeFirstOrThrow()).count)
  }
  return { send: as(owner), many, first: first.body.id }
}

t.test('a tenant has 1,000 providers at most, also where many are made at once, and may replace one', async (t) => {
  const { send, many, first } = await startTenant(997)
  const holder = new Client({ connectionString: backends.adminDatabaseUrl })
  await holder.connect()
  t.teardown(() => holder.end())
  await holder.query('begin; lock table mcp_provider.provider in share mode')
  const eight = Promise.all(Array.from({ length: 8 }, () => send('POST', url, fresh())))
  // By then one has counted, and each other one that may count beside it.
  await untilLocked(holder, 8)
  await holder.query('commit')
  const answers = await eight
  t.same(answers.map(({ status }) => status).toSorted(), [201, 201, 201, 409, 409, 409, 409, 409])
  t.match(answers.find(({ status }) => status === 409)?.body, {
    code: 'conflict',
    message: /^A tenant can have 1000 providers/
  })
  t.equal(await many(), 1_000)
  await send('DELETE', `${url}/${first}`)
  t.equal((await send('POST', url, fresh())).status, 201)
  const another = await broker.signIn({ role: 'owner' })
  t.equal((await as(another)('POST', url, fresh())).status, 201, 'others are others')
})

t.test('a file whose servers would be too many is imported as a whole or not at all', async (t) => {
  const { send, many } = await startTenant(998)
  const fileOf = (names: string[]) => ({
    mcpServers: Object.fromEntries(names.map((name) => [name, { url: `${noting.url}/${randomUUID()}` }]))
  })
  t.match(await send('POST', `${url}/import`, fileOf(['a', 'b', 'c'])), { status: 409, body: { code: 'conflict' } })
  t.equal(await many(), 998)
  t.equal((await send('POST', `${url}/import`, fileOf(['a', 'b']))).status, 201)
})
