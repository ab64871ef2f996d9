import { until } from '@onbehalf/testkit'
import t from 'tap'
import { startService } from '../start.ts'
import { reset, startPlayed } from './played.ts'
import { openSteps } from './steps.ts'

const [played, other] = [await startPlayed(t), await startPlayed(t)]
const service = await startService(t, { allow: [played.address, other.address] })
const { as, broker, logs } = service
const steps = await openSteps(t, service, played.url)
const { freshFor, credentialsOf, sql } = steps

const admin = await broker.signIn({ role: 'admin' })

/** Everything as it usually is, nothing left to be taken back, and a new provider. */
const register = async (given: object = {}) => {
  for (const one of [played, other]) reset(one)
  const made = await steps.register(admin, given)
  await until(async () => (await waiting()).length === 0)
  for (const one of [played, other]) reset(one)
  return made
}
const connect = (id: string) => steps.connectPlayed(admin, id)
const waiting = async () => (await sql.query('select attempt from mcp_provider.oauth_revocation')).rows
const failures = () => logs.filter((line) => line.includes('could not be revoked')).length

t.test('what is dropped is taken back where it was given, whatever that server says', async (t) => {
  const drops: [string, (at: string) => Promise<{ status: number }>][] = [
    ['taken back', (at) => as(admin)('DELETE', `${at}/authorization`)],
    ['another server', (at) => as(admin)('PATCH', at, { server_url: other.url })],
    ['for each user', (at) => as(admin)('PATCH', at, { auth_scope: 'user' })],
    ['another resource', (at) => as(admin)('PATCH', at, { resource: `${played.origin}/` })],
    ['forgotten', (at) => as(admin)('DELETE', at)]
  ]
  for (const [name, drop] of drops) {
    const { id, at } = await register()
    await connect(id)
    const given = played.tokens.length
    t.ok((await drop(at)).status < 300, name)
    await until(() => played.revocations.length > 0)
    t.match(played.revocations, [{ fields: { token_type_hint: 'refresh_token' }, authorization: /^Basic / }], name)
    t.equal(played.tokens.length, given)
    const left = await credentialsOf(id)
    t.same(
      left.map(({ refresh_token, access_token }) => [refresh_token, access_token]),
      name === 'taken back' ? [[null, null]] : [],
      name
    )
  }
})

t.test('what another authorization server gave before is taken back there', async (t) => {
  const { id, identifier } = await register()
  await connect(id)
  const [access, refresh] = played.given.slice(-2)
  played.resource = { authorization_servers: [other.origin] }
  await connect(id)
  await until(() => played.revocations.length > 0)
  t.match(played.revocations, [{ fields: { token: refresh } }])
  t.not((await freshFor(admin, identifier))?.token, access)
  t.match(await credentialsOf(id), [{ issuer: other.origin }])
})

t.test('what the same server gave before is left to it: what came now may end with it', async (t) => {
  const { id, at } = await register()
  await connect(id)
  await connect(id)
  t.same(await waiting(), [])
  await as(admin)('DELETE', `${at}/authorization`)
  await until(() => played.revocations.length > 0)
  t.match(played.revocations, [{ fields: { token: played.given.at(-1) } }])
})

t.test('what is not taken back yet when the same server gives something new is left to it', async (t) => {
  const { id } = await register()
  await connect(id)
  await sql.query(
    `
    insert into mcp_provider.oauth_revocation (credential_id, generation, tenant_id, provider_id, user_id, issuer,
      token_endpoint, client_id, grant_type, resource, refresh_token, access_token)
    select id, generation, tenant_id, provider_id, user_id, issuer, token_endpoint, client_id, grant_type, resource,
      refresh_token, access_token from mcp_provider.oauth_credential where provider_id = $1`,
    [id]
  )
  await connect(id)
  await until(async () => (await waiting()).length === 0)
  t.same(played.revocations, [], 'what came now may end with it')
})

t.test('a server that refuses is not asked again', async (t) => {
  const { id, at } = await register()
  await connect(id)
  const before = failures()
  played.revocation = { status: 400 }
  await as(admin)('DELETE', at)
  await until(() => failures() > before)
  t.same(await waiting(), [])
  t.equal(played.revocations.length, 1)
})

t.test('a tenant has so many of them to be taken back, and the oldest is given up', async (t) => {
  const { id, at } = await register()
  await connect(id)
  await sql.query(
    `insert into mcp_provider.oauth_revocation (credential_id, generation, tenant_id, provider_id, issuer, token_endpoint,
      client_id, grant_type, resource, due_at, created_at)
    select gen_random_uuid(), place, $1, gen_random_uuid(), '', '', '', 'authorization_code', '', now() + interval '1 day',
      now() - interval '1 day' + make_interval(secs => place) from generate_series(1, 10000) as place`,
    [admin.tenant_id]
  )
  await as(admin)('DELETE', at)
  await until(() => logs.some((line) => line.includes('has too many of them')))
  t.match(
    logs.filter((line) => line.includes('has too many of them')).map((line) => JSON.parse(line)),
    [{ tenant_id: admin.tenant_id, count: 1 }],
    'which is told once'
  )
  await until(() => played.revocations.length > 0)
  const { rows } = await sql.query(
    'select min(generation) as first from mcp_provider.oauth_revocation where attempt = 0'
  )
  t.same(rows, [{ first: 2 }])
  await sql.query('delete from mcp_provider.oauth_revocation')
})

t.test('what could not be taken back is kept, and another replica tries again', async (t) => {
  const { id, at } = await register()
  await connect(id)
  const before = failures()
  played.revocation = { status: 503 }
  t.equal((await as(admin)('DELETE', at)).status, 204, 'it is gone here at once')
  await until(() => failures() > before)
  t.match(await waiting(), [{ attempt: 1 }])
  reset(played)
  await sql.query('update mcp_provider.oauth_revocation set due_at = now()')
  const replica = await service.openAnother()
  await replica.listen({ host: '127.0.0.1', port: 0 })
  await until(async () => (await waiting()).length === 0)
  t.match(played.revocations, [{ fields: { token_type_hint: 'refresh_token' } }])
})

t.test('a server that is away for good is not asked for ever', async (t) => {
  const { id, at } = await register()
  await connect(id)
  played.revocation = { status: 503 }
  const before = failures()
  await as(admin)('DELETE', at)
  await until(() => failures() > before)
  await sql.query("update mcp_provider.oauth_revocation set attempt = 9, due_at = now() - interval '1 day'")
  const { at: next } = await steps.register(admin)
  await as(admin)('DELETE', next)
  // It is told of last.
  await until(() => failures() > before + 1)
  t.same(await waiting(), [])
  t.ok(logs.some((line) => line.includes('given up') && line.includes(id)))
})

t.test('a provider whose secrets nobody can open any more can be deleted', async (t) => {
  const { id, at } = await register({ headers: { 'x-key': 'of this provider' } })
  await connect(id)
  await sql.query('delete from mcp_provider.data_key')
  await sql.query("update mcp_provider.provider set server_url = 'lost', headers = 'lost' where id = $1", [id])
  t.equal((await as(admin)('GET', at)).status, 500, 'it is lost')
  t.equal((await as(admin)('DELETE', at)).status, 204)
  t.equal((await as(admin)('GET', at)).status, 404)
  t.same(await credentialsOf(id), [])
})
