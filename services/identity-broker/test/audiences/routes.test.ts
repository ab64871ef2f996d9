import { untilLocked } from '@onbehalf/testkit'
import { Client } from 'pg'
import t from 'tap'
import { logins, type SignedIn, signInAs, startBroker } from '../start.ts'

const broker = await startBroker(t)
const owner = await signInAs(broker, logins.owner)
const member = await signInAs(broker, logins.user)
const stranger = await signInAs(broker, logins.owner, 'globex')

const send = async (who: SignedIn, method: string, path = '', json?: unknown) => {
  const page = await who.browser.visit(`${broker.publicUrl}/v1/audience-patterns${path}`, {
    method,
    headers: { 'x-csrf-token': who.csrf },
    ...(json === undefined ? {} : { json })
  })
  return { status: page.status, body: page.body === '' ? undefined : JSON.parse(page.body) }
}
const audit = async () =>
  JSON.parse((await owner.browser.visit(`${broker.publicUrl}/v1/audit/identity`)).body).data.filter(
    ({ subject }: { subject: { kind: string } }) => subject.kind === 'audience_pattern'
  )
const isAllowed = async (audience: string) => {
  const response = await broker.inner.inject({
    method: 'POST',
    url: '/inner/api/mcp/issue-token',
    headers: { 'enterprise-api-secret-key': broker.secret },
    payload: { user_id: member.userId, tenant_id: broker.tenantId, audience }
  })
  return response.json().code !== 'audience_not_allowed'
}

await t.test('an administrator allows and forbids, from the next request on, and it is recorded', async (t) => {
  const pattern = 'https://*.tools.example.com/mcp/*'
  const audience = 'https://a.tools.example.com/mcp/x'
  t.equal(await isAllowed(audience), false)
  const made = await send(owner, 'POST', '', { pattern })
  t.match([made.status, made.body], [201, { pattern }])
  t.equal(await isAllowed(audience), true)
  const { body: page } = await send(owner, 'GET', '?limit=1')
  t.match(page.data, [{ id: made.body.id, pattern }])
  t.match((await send(owner, 'GET', `?cursor=${page.next_cursor}`)).body.data, [{ pattern: /own\.example/ }])
  t.equal((await send(owner, 'DELETE', `/${made.body.id}`)).status, 204)
  t.equal(await isAllowed(audience), false)
  t.equal((await send(owner, 'DELETE', `/${made.body.id}`)).status, 404)
  t.match(await audit(), [
    { action: 'audience_pattern.deleted', actor: { kind: 'user', id: owner.userId }, details: { pattern } },
    { action: 'audience_pattern.created', actor: { kind: 'user', id: owner.userId }, details: { pattern } },
    { action: 'audience_pattern.created', actor: { kind: 'system' } }
  ])
})

await t.test('who may not is told so, and another tenant’s patterns are not there', async (t) => {
  const pattern = 'https://more.example/*'
  t.equal((await send(member, 'GET')).status, 403)
  t.equal((await send(member, 'POST', '', { pattern })).status, 403)
  const [{ id }] = (await send(owner, 'GET')).body.data
  t.same((await send(stranger, 'GET')).body.data, [])
  t.equal((await send(stranger, 'DELETE', `/${id}`)).status, 404)
  t.equal((await send(stranger, 'POST', '', { pattern })).status, 201)
  t.equal(await isAllowed('https://more.example/mcp'), false, 'what one tenant allows is allowed for that one')
})

await t.test('a pattern that is wrong, or there already, names the field', async (t) => {
  const rows: [unknown, number, RegExp][] = [
    [{ pattern: 'https://*.com/*' }, 400, /two labels/],
    [{ pattern: 'https://own.example/mcp/*' }, 409, /already/],
    [{ pattern: 'x'.repeat(2049) }, 400, /2048/],
    [{ pattern: 'https://ok.example/*', mode: 'signed' }, 400, /mode/],
    [{}, 400, /pattern/]
  ]
  for (const [body, status, words] of rows) {
    const answer = await send(owner, 'POST', '', body)
    t.equal(answer.status, status)
    t.match(JSON.stringify(answer.body), words)
    t.ok(answer.body.details.length > 0)
  }
})

await t.test('a tenant has 200 patterns and no more, also where several are made at once', async (t) => {
  const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
  const holder = new Client({ connectionString: broker.backends.adminDatabaseUrl })
  for (const client of [database, holder]) {
    await client.connect()
    t.teardown(() => client.end())
  }
  let made = 0
  const create = (who = owner) => {
    made += 1
    return send(who, 'POST', '', { pattern: `https://made-${made}.example/*` })
  }
  await database.query(
    `insert into identity_broker.audience_pattern (id, tenant_id, pattern)
      select gen_random_uuid(), $1, 'https://filled-' || n || '.example/*' from generate_series(
        1, 198 - (select count(*)::integer from identity_broker.audience_pattern where tenant_id = $1)) n`,
    [broker.tenantId]
  )
  await holder.query('begin; lock table identity_broker.audience_pattern in share mode')
  const six = Promise.all(Array.from({ length: 6 }, () => create()))
  await untilLocked(database, 6)
  await holder.query('commit')
  const answers = await six
  t.same(answers.map(({ status }) => status).sort(), [201, 201, 409, 409, 409, 409])
  const refused = answers.find(({ status }) => status === 409)
  t.match(refused?.body, { code: 'conflict', message: /200 patterns/ })
  t.equal((await create(stranger)).status, 201, 'another tenant is not concerned')
  const { id } = answers.find(({ status }) => status === 201)?.body ?? {}
  t.equal((await send(owner, 'DELETE', `/${id}`)).status, 204)
  t.equal((await create()).status, 201)
})
