import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashOf } from '@onbehalf/service-kit'
import { dumpRows, until } from '@onbehalf/testkit'
import t from 'tap'
import { refusalOf, startService } from '../start.ts'
import { reset, startPlayed } from './played.ts'
import { openSteps } from './steps.ts'

const [played, other] = [await startPlayed(t), await startPlayed(t)]
const service = await startService(t, { allow: [played.address, other.address] })
const { as, backends, broker } = service
const steps = await openSteps(t, service, played.url)
const { authorizeBy, freshFor, dueNow, credentialsOf, sql } = steps

const admin = await broker.signIn({ role: 'admin' })
const ann = await broker.signIn({ tenant_id: admin.tenant_id })
const secret = 'a secret: with + and % of the requests tests'
const own = { client_id: 'our client', client_secret: secret }

/** Everything as it usually is, and a new provider. */
const register = (given: object = {}) => {
  reset(played)
  return steps.register(admin, given)
}
const askedIn = (url: string) => Object.fromEntries(new URL(url).searchParams)
const connect = (id: string) => steps.connectPlayed(admin, id)

t.test('the resource is named, byte for byte, wherever something is asked for', async (t) => {
  const { id, identifier } = await register()
  const asked = await connect(id)
  await dueNow(id)
  await freshFor(ann, identifier)
  t.equal(asked.resource, played.url)
  t.match(
    played.tokens.map(({ fields }) => fields),
    [
      { grant_type: 'authorization_code', resource: played.url, code: 'c', code_verifier: /^[\w-]{43}$/ },
      { grant_type: 'refresh_token', resource: played.url }
    ]
  )
  await register({ resource: played.origin })
  played.resource = { resource: played.origin }
  const { body } = await as(admin)('GET', '/v1/mcp-providers')
  const { resource } = await connect(body.data[0]?.id ?? '')
  t.equal(resource, played.origin, 'and without a slash that nobody wrote')
})

t.test('what is asked for is what the challenge says, else the metadata of the server, else nothing', async (t) => {
  const { id } = await register()
  const scopeOf = async () => askedIn((await authorizeBy(admin, id)).body.authorize_url).scope
  t.equal(await scopeOf(), undefined)
  played.metadata = { scopes_supported: ['everything', 'there', 'is'] }
  t.equal(await scopeOf(), undefined, 'the authorization server has more than this server wants')
  played.resource = { scopes_supported: ['read', 'write'] }
  t.equal(await scopeOf(), 'read write')
  played.challenge = 'Bearer error="invalid_token", scope="read"'
  t.equal(await scopeOf(), 'read')
  played.metadata = { scopes_supported: ['offline_access'] }
  t.equal(await scopeOf(), 'read offline_access', 'and a refresh token where there is such a thing')
})

t.test('a server that wants more is authorized for both, and one that has it already is told no', async (t) => {
  const { id, identifier } = await register()
  played.challenge = 'Bearer scope="read"'
  await connect(id)
  const refused = (scope: string) => ({ status: 403 as const, challenge: `Bearer scope="${scope}"` })
  t.match(await refusalOf(freshFor(ann, identifier, refused('read'))), { code: 'upstream_insufficient_scope' })
  t.match(await refusalOf(freshFor(ann, identifier, refused('write'))), { code: 'upstream_authorization_required' })
  const { scope } = await connect(id)
  t.equal(scope, 'read write')
  t.match((await credentialsOf(id))[0], { scope: 'read write', wanted_scope: null })
})

t.test('nobody is sent again for what their authorization server withheld', async (t) => {
  const { id, identifier } = await register()
  const gives = (scope: string) => {
    const usual = { access_token: randomUUID(), token_type: 'Bearer', expires_in: 300 }
    played.token = { body: { ...usual, scope } }
  }
  played.challenge = 'Bearer scope="read"'
  gives('read')
  await connect(id)
  const refused = (scope: string) => ({ status: 403 as const, challenge: `Bearer scope="${scope}"` })
  const askFor = (scope: string) => refusalOf(freshFor(ann, identifier, refused(scope)))
  t.match(await askFor('write'), { code: 'upstream_authorization_required' })
  t.match(await askFor('write'), { code: 'upstream_authorization_required' }, 'until somebody went')
  t.match(await connect(id), { scope: 'read write' })
  t.match(await askFor('write'), {
    code: 'upstream_insufficient_scope',
    extras: { details: [{ path: 'scope', message: 'write' }] }
  })
  t.match(await askFor('read write'), { code: 'upstream_insufficient_scope' })
  t.match(await askFor('delete'), { code: 'upstream_authorization_required' }, 'what was not asked for yet is')
  gives('read write delete')
  t.match(await connect(id), { scope: 'read write delete' }, 'with all that was withheld')
  t.match((await credentialsOf(id))[0], { scope: 'read write delete', withheld_scope: null })
})

t.test('our client shows itself as the token endpoint says that it wants it', async (t) => {
  const basic = `Basic ${Buffer.from('our+client:a+secret%3A+with+%2B+and+%25+of+the+requests+tests').toString('base64')}`
  const { client_id, client_secret } = own
  const ways: [string, object, object | undefined, object][] = [
    ['basic, where it does not say', own, undefined, { authorization: basic }],
    ['basic', own, ['none', 'client_secret_basic'], { authorization: basic }],
    ['post', own, ['client_secret_post'], { authorization: undefined, fields: { client_id, client_secret } }],
    ['none', { client_id }, ['none'], { authorization: undefined, fields: { client_id } }]
  ]
  for (const [name, authentication, supported, expected] of ways) {
    const { id, identifier } = await register({ authentication })
    played.metadata = supported ? { token_endpoint_auth_methods_supported: supported } : {}
    await connect(id)
    await dueNow(id)
    await freshFor(ann, identifier)
    t.match(played.tokens, [expected, expected], name)
    t.equal('client_secret' in (played.tokens[0]?.fields ?? {}), name === 'post', name)
  }
  const { id } = await register({ authentication: own })
  played.metadata = { token_endpoint_auth_methods_supported: ['tls_client_auth'] }
  t.match(await as(admin)('POST', `/v1/mcp-providers/${id}/authorize`), {
    status: 502,
    body: { message: /takes none/ }
  })
})

t.test('an authorization endpoint keeps the query it has', async (t) => {
  const { id } = await register()
  played.metadata = { authorization_endpoint: `${played.origin}/authorize?tenant=acme&x=1` }
  const { body } = await authorizeBy(admin, id)
  t.match(askedIn(body.authorize_url), { tenant: 'acme', x: '1', response_type: 'code' })
  t.equal(body.authorize_url.split('?').length, 2)
})

t.test('without a refresh token nobody is asked anything when a token ends: a person is', async (t) => {
  const { id, identifier } = await register()
  played.token = { body: { access_token: 'of one hour, and of this test', token_type: 'Bearer', expires_in: 3_600 } }
  await connect(id)
  const held = await freshFor(ann, identifier)
  t.equal(held?.token, 'of one hour, and of this test')
  const [row] = await credentialsOf(id)
  t.same(row?.renew_at, row?.expires_at, 'it is used until it ends')
  await sql.query('update mcp_provider.oauth_credential set renew_at = now(), expires_at = now()')
  const before = [played.tokens.length, played.registrations.length]
  for (const _ of [1, 2])
    t.match(await refusalOf(freshFor(ann, identifier)), { code: 'upstream_authorization_required' })
  t.same([played.tokens.length, played.registrations.length], before)
})

t.test("a server's own credential goes before the provider's headers, when its tools are listed as well", async (t) => {
  const { id, at, identifier } = await register({
    headers: { Authorization: 'Bearer of the provider', 'X-Kept': 'yes' }
  })
  await connect(id)
  const held = await freshFor(ann, identifier)
  played.calls.length = 0
  t.match((await as(admin)('POST', `${at}/refresh-tools`)).body, { tools_status: 'fresh', tools: [{ name: 'noted' }] })
  t.same([...new Set(played.calls)], [`Bearer ${held?.token}`])
})

t.test('a server that names another authorization server gets nothing of the one before', async (t) => {
  const { id, identifier } = await register({ authentication: own })
  await connect(id)
  const held = await freshFor(ann, identifier)
  if (!held) throw new Error('it was connected')
  await sql.query("update mcp_provider.oauth_credential set issued_at = now() - interval '5 minutes'")
  const before = played.tokens.length
  other.tokens.length = 0
  played.resource = { authorization_servers: [other.origin] }
  const refused = { status: 401 as const, challenge: 'Bearer', token_hash: hashOf(held.token) }
  t.match(await refusalOf(freshFor(ann, identifier, refused)), { code: 'upstream_authorization_required' })
  t.equal(played.tokens.length, before, 'it is not renewed either')
  const again = await as(admin)('POST', `/v1/mcp-providers/${id}/authorize`)
  t.match([again.status, again.body.details[0]?.path], [502, 'authentication'], 'nor does it see our client')
  t.same([other.tokens, other.registrations], [[], []])
})

t.test('a new secret is shown to the server that it is for, and to no other one', async (t) => {
  const later = 'another secret of the requests tests'
  const byPost = { token_endpoint_auth_methods_supported: ['client_secret_post'] }
  const connected = async () => {
    const made = await register({ authentication: own })
    reset(other)
    Object.assign(played, { metadata: byPost })
    Object.assign(other, { metadata: byPost })
    await connect(made.id)
    await freshFor(ann, made.identifier)
    return made
  }
  const renew = async ({ at }: { at: string }, given: object = {}) => {
    const authentication = { ...own, client_secret: later, ...given }
    t.equal((await as(admin)('PATCH', at, { authentication })).status, 200)
  }
  const shown = ({ tokens }: typeof played) => tokens.map(({ fields }) => fields.client_secret)
  // Providers of before are taken back meanwhile.
  const takenBack = (token: string | undefined) => played.revocations.filter(({ fields }) => fields.token === token)

  const same = await connected()
  await renew(same)
  await dueNow(same.id)
  t.ok(await freshFor(ann, same.identifier), 'a server that is still the one goes on with it')
  t.same(shown(played), [secret, later])

  const turned = await connected()
  Object.assign(played, { resource: { authorization_servers: [other.origin] } })
  const asked = played.calls.length
  await renew(turned)
  t.equal(played.calls.length, asked, 'the MCP server is not asked whom a secret is for')
  t.equal((await credentialsOf(turned.id)).length, 1)
  const refused = await as(admin)('POST', `${turned.at}/authorize`)
  t.match([refused.status, refused.body.details[0]?.path], [502, 'authentication'], 'nor may it say so later')
  t.same(shown(other), [])

  const moved = await connected()
  const refreshToken = played.given.at(-1)
  const { body, cookies } = await authorizeBy(admin, moved.id)
  played.resource = { authorization_servers: [other.origin] }
  await renew(moved, { issuer: other.origin })
  t.same(await credentialsOf(moved.id), [], 'what the one before gave is of no use any more')
  await until(() => takenBack(refreshToken).length > 0)
  t.match(takenBack(refreshToken), [{ fields: { client_secret: secret } }], 'and is taken back as it was given')
  const { redirect_uri, state } = askedIn(body.authorize_url)
  t.match(await steps.comeBack(new URL(`${redirect_uri}?code=c&state=${state}`), cookies), { status: 400 })
  t.match(await connect(moved.id), { client_id: own.client_id })
  t.same([shown(played), shown(other)], [[secret], [later]])

  const changed = await connected()
  await renew(changed, { client_id: 'another client' })
  t.same(await credentialsOf(changed.id), [], 'another client has nothing of the one before')
  played.resource = { authorization_servers: [other.origin] }
  t.match(await connect(changed.id), { client_id: 'another client' }, 'and is for whom it is used with first')
  t.same([shown(played), shown(other)], [[secret], [later]])

  const unknown = await connected()
  await sql.query('update mcp_provider.provider set authorization_issuer = null where id = $1', [unknown.id])
  await steps.endNow(unknown.id)
  t.match(await refusalOf(freshFor(ann, unknown.identifier)), { code: 'upstream_authorization_required' })
  t.same(shown(played), [secret], 'nor is it where nobody can tell')
})

t.test('no secret of a client or token is in any row', async (t) => {
  const { id } = await register({ authentication: own })
  await connect(id)
  await dueNow(id)
  const file = join(backends.directory, 'rows.txt')
  await dumpRows(backends.adminDatabaseUrl, file)
  const rows = readFileSync(file, 'utf8')
  t.match(rows, /oauth_client/)
  t.match(rows, id)
  const clear = [secret, ...played.given]
  t.ok(played.given.length > 20, 'there were some')
  for (const one of clear) {
    t.notOk(rows.includes(one))
    t.notOk(rows.includes(Buffer.from(one).toString('hex')), 'nor as bytes')
  }
})
