import t from 'tap'
import { refusalOf, startService } from '../start.ts'
import { reset, startPlayed } from './played.ts'
import { openSteps } from './steps.ts'

const played = await startPlayed(t)
const service = await startService(t, { allow: [played.address] })
const steps = await openSteps(t, service, played.url)
const { authorizeBy, connectPlayed, freshFor, dueNow, endNow, sql } = steps

const admin = await service.broker.signIn({ role: 'admin' })
const ann = await service.broker.signIn({ tenant_id: admin.tenant_id })
const inDays = (days: number) => Math.floor(Date.now() / 1000) + days * 86_400

/** Everything as it usually is, no client anywhere, and a new provider. */
const register = async (given: object = {}) => {
  await sql.query('delete from mcp_provider.oauth_client')
  reset(played)
  return steps.register(admin, given)
}
const stored = async () =>
  (
    await sql.query(`
      select is_current, secret_expires_at, extract(epoch from secret_expires_at - renew_at)::float8 as ahead
      from mcp_provider.oauth_client order by created_at, id`)
  ).rows

t.test('a client whose secret ends is registered anew before that; what it was given goes on until then', async (t) => {
  const { id, identifier } = await register({ auth_scope: 'user' })
  played.registration = { client_secret_expires_at: inDays(30) }
  const { client_id: first } = await connectPlayed(admin, id)
  t.equal((await connectPlayed(admin, id)).client_id, first, 'it is used as long as there is time')
  t.match(await stored(), [{ is_current: true, ahead: 86_400 }], 'until a day before its end')
  await sql.query('update mcp_provider.oauth_client set renew_at = now()')
  const { client_id: second } = await connectPlayed(ann, id)
  t.not(second, first)
  t.equal(played.registrations.length, 2)
  t.match(await stored(), [{ is_current: false }, { is_current: true }])
  t.equal((await connectPlayed(ann, id)).client_id, second)
  await dueNow(id)
  played.tokens.length = 0
  for (const who of [admin, ann]) t.ok(await freshFor(who, identifier))
  const shown = played.tokens.map(({ authorization = '' }) => Buffer.from(authorization.slice(6), 'base64').toString())
  t.match(shown, [new RegExp(`^${first}:`), new RegExp(`^${second}:`)], 'each with the client it was given to')
  await sql.query('update mcp_provider.oauth_client set secret_expires_at = now() where not is_current')
  await dueNow(id)
  played.tokens.length = 0
  t.match(await refusalOf(freshFor(admin, identifier)), { code: 'upstream_authorization_required' })
  t.same(played.tokens, [], 'with the secret ends what it was good for, and nobody is asked')
  t.ok(await freshFor(ann, identifier))
  t.equal((await connectPlayed(admin, id)).client_id, second)
})

t.test('one without an end stays, one with a short life is renewed in time, one that is over is none', async (t) => {
  const { id } = await register()
  played.registration = { client_secret_expires_at: 0 }
  await connectPlayed(admin, id)
  t.match(await stored(), [{ secret_expires_at: null, ahead: null }])
  const { id: next } = await register()
  played.registration = { client_secret_expires_at: inDays(1) }
  await connectPlayed(admin, next)
  const [{ ahead }] = await stored()
  t.ok(ahead > 28_000 && ahead <= 28_800, 'with a third of it left')
  const { id: last } = await register()
  played.registration = { client_secret_expires_at: inDays(-1) }
  t.match(await authorizeBy(admin, last), {
    status: 502,
    body: { message: /secret has ended already.*register a client there yourself/ }
  })
})

t.test('a secret that is not shown may end', async (t) => {
  const { id } = await register()
  played.registration = { token_endpoint_auth_method: 'none', client_secret_expires_at: inDays(-1) }
  await connectPlayed(admin, id)
  t.match(await stored(), [{ is_current: true, secret_expires_at: null, ahead: null }])
})

t.test('a replica of the version before keeps its registrations while it is replaced', async (t) => {
  const { id } = await register()
  const { redirect_uri } = await connectPlayed(admin, id)
  // As it was written before there were several of one issuer.
  const keep = (redirectUri: string) =>
    sql.query(
      `insert into mcp_provider.oauth_client (id, tenant_id, issuer, redirect_uri, registration)
      values (gen_random_uuid(), $1, $2, $3, '') on conflict on constraint oauth_client_once do nothing`,
      [admin.tenant_id, played.origin, redirectUri]
    )
  t.equal((await keep(redirect_uri ?? '')).rowCount, 0, 'of two the first stays')
  t.equal((await keep('https://old.test/callback')).rowCount, 1)
  await sql.query('update mcp_provider.oauth_client set is_current = false')
  t.equal((await keep(redirect_uri ?? '')).rowCount, 1, 'one that is not current takes no place')
})

const refuseClient = () => {
  played.token = { status: 401, body: { error: 'invalid_client' } }
}

t.test('a server that gives one client_id with another secret each time is shown the last one', async (t) => {
  const { id, identifier } = await register()
  played.registration = { client_id: 'fixed' }
  await connectPlayed(admin, id)
  await endNow(id)
  refuseClient()
  t.match(await refusalOf(freshFor(ann, identifier)), { message: /must authorize the provider anew/ })
  played.token = {}
  played.given.length = 0
  await connectPlayed(admin, id)
  const [secret] = played.given
  t.equal(played.tokens.at(-1)?.authorization, `Basic ${Buffer.from(`fixed:${secret}`).toString('base64')}`)
  t.match(await stored(), [{ is_current: true }], 'the other one is of no use any more')
})

t.test('a server that knows no client of ours for long does not fill the table', async (t) => {
  const { id, identifier } = await register()
  for (let round = 0; round < 6; round += 1) {
    played.token = {}
    await connectPlayed(admin, id)
    await endNow(id)
    refuseClient()
    await refusalOf(freshFor(ann, identifier))
  }
  t.equal((await stored()).length, 5)
  const { id: next } = await register()
  refuseClient()
  await t.rejects(connectPlayed(admin, next), 'one that nothing was given to')
  t.same(await stored(), [], 'is of no use to anybody')
})

t.test('what a server answered is believed where the database is away just then', async (t) => {
  const { id, identifier } = await register()
  await connectPlayed(admin, id)
  await endNow(id)
  refuseClient()
  await sql.query(`
    create function mcp_provider.refuse() returns trigger language plpgsql as $$ begin raise 'away'; end $$;
    create trigger refuse before update on mcp_provider.oauth_client execute function mcp_provider.refuse()`)
  t.match(await refusalOf(freshFor(ann, identifier)), { message: /must authorize the provider anew/ })
  await sql.query('drop function mcp_provider.refuse cascade')
  t.ok(service.logs.some((line) => line.includes('could not be noted')))
})

t.test('what a server does not renew is used until it ends, and that is told and on record', async (t) => {
  const { id, identifier, at } = await register()
  const { as } = service
  await connectPlayed(admin, id)
  const held = await freshFor(ann, identifier)
  await dueNow(id)
  refuseClient()
  for (const _ of [1, 2]) t.same(await freshFor(ann, identifier), held)
  await sql.query('update mcp_provider.oauth_credential set backoff_until = null')
  t.same(await freshFor(ann, identifier), held)
  const standing = async () => (await as(admin)('GET', `${at}/authorization`)).body
  t.match(await standing(), { status: 'authorized', refused_reason: 'invalid_client' })
  const { body } = await as(admin)('GET', `/v1/audit/providers?subject_id=${id}&action=credential.refused`)
  const { data } = body
  t.match(data, [{ actor: { kind: 'system' }, details: { holder: 'tenant', reason: 'invalid_client' } }], 'once')
  await endNow(id)
  t.match(await refusalOf(freshFor(ann, identifier)), { message: /must authorize the provider anew/ })
  played.token = {}
  await connectPlayed(admin, id)
  t.match(await standing(), { status: 'authorized', refused_reason: null })
  t.not((await freshFor(ann, identifier))?.token, held?.token)
  await dueNow(id)
  played.token = { status: 400, body: { error: 'invalid_grant' } }
  t.match(
    await refusalOf(freshFor(ann, identifier)),
    { code: 'upstream_authorization_required' },
    'but not what is taken back'
  )
})

t.test('a client that its server knows no more is another one at the next authorization', async (t) => {
  const { id, identifier } = await register()
  const { client_id: first } = await connectPlayed(admin, id)
  await endNow(id)
  played.token = { status: 401, body: { error: 'invalid_client' } }
  t.match(await refusalOf(freshFor(ann, identifier)), { message: /must authorize the provider anew/ })
  played.token = {}
  t.not((await connectPlayed(admin, id)).client_id, first)
  t.ok(await freshFor(ann, identifier))
})
