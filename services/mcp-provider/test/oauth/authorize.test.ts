import { createBrowser, recordSecrets, signIn, startIdp } from '@onbehalf/testkit'
import { startWhoami } from '@onbehalf/testkit/mcp-servers'
import type { SignedIn } from '@onbehalf/testkit/players'
import t from 'tap'
import { publicUrl, refusalOf, startService } from '../start.ts'
import { openSteps } from './steps.ts'

const users = ['ann', 'cem'].map((sub) => ({ sub, email: `${sub}@example.com`, email_verified: true, name: sub }))
const machine = { client_id: 'machine', client_secret: 'a secret that is only for this test' }
const idp = await startIdp({
  ...{ users, registersClients: true, onSecret: (secret: string) => recordSecrets([secret]) },
  clients: [{ ...machine, grant_types: ['client_credentials'], response_types: [], redirect_uris: [] }]
})
t.teardown(idp.stop)
const whoami = await startWhoami({ issuer: idp.issuer, isClosed: true })
t.teardown(whoami.stop)
const service = await startService(t, { allow: [`127.0.0.1:${idp.port}`, `127.0.0.1:${whoami.port}`] })
const { app, as, broker } = service
const steps = await openSteps(t, service, whoami.url)
const { authorizeBy, comeBack, freshFor, dueNow, sql } = steps

const admin = await broker.signIn({ role: 'admin' })
const [ann, cem] = await Promise.all(users.map(() => broker.signIn({ tenant_id: admin.tenant_id })))
if (!ann || !cem) throw new Error('two people signed in')
const register = (given: object = {}) => steps.register(admin, given)

/** Where the authorization server sends the browser back to, once somebody has consented there. */
const consent = async (authorizeUrl: string, login = 'ann', decision: 'allow' | 'deny' = 'allow') => {
  const browser = createBrowser()
  const page = await signIn(browser, authorizeUrl, { login, decision, follow: (to) => to.origin !== publicUrl })
  await browser.close()
  return new URL(String([page.headers.location].flat()[0]))
}
const connect = async (who: SignedIn, id: string, login = 'ann') => {
  const begun = await authorizeBy(who, id)
  t.equal(begun.body.status, 'authorization_required', JSON.stringify(begun.body))
  return comeBack(await consent(begun.body.authorize_url, login), begun.cookies)
}

const refreshes = () => idp.presentations().length

t.test('an administrator connects a server for everybody, by a client that is registered on the way', async (t) => {
  const { id, identifier, tools_status } = await register()
  t.equal(tools_status, 'needs_identity')
  const auth = { method: 'POST', url: '/console/api/workspaces/current/tool-provider/mcp/auth' } as const
  const byConsole = await app.inject({ ...auth, headers: admin.headers, payload: { provider_id: id } })
  t.match(byConsole.json(), { authorization_url: new RegExp(`^${idp.issuer}`) }, 'the reference begins it the same way')
  t.ok(byConsole.cookies.length > 0)
  t.equal(await freshFor(ann, identifier), null)
  t.match(await refusalOf(freshFor(ann, identifier, { status: 401 })), {
    ...{ code: 'upstream_authorization_required' },
    extras: { authorize_url: `${publicUrl}/oauth/connect/${id}` }
  })
  t.equal((await authorizeBy(ann, id)).status, 403, 'a member does not')
  const begun = await authorizeBy(admin, id)
  const asked = new URL(begun.body.authorize_url).searchParams
  t.match(Object.fromEntries(asked), { code_challenge_method: 'S256', resource: whoami.url, response_type: 'code' })
  const to = await consent(begun.body.authorize_url)
  t.equal(to.searchParams.get('iss'), idp.issuer)
  t.match(await comeBack(to, ''), { status: 400, text: /another browser/ })
  t.match(await comeBack(to, begun.cookies), { status: 200, text: /is connected/ })
  t.match(await comeBack(to, begun.cookies), { status: 400, text: /was used already/ })
  const credential = await freshFor(ann, identifier)
  t.same(await freshFor(cem, identifier), credential, 'it is the same one for all')
  const listed = await as(admin)('POST', `/v1/mcp-providers/${id}/refresh-tools`)
  t.match(listed.body, { tools_status: 'fresh', tools: [{ name: 'whoami' }, { name: 'echo' }] })
  t.match((await as(ann)('GET', `/v1/mcp-providers/${id}/authorization`)).body, {
    ...{ auth_scope: 'tenant', status: 'authorized', issuer: idp.issuer }
  })
  const { body: events } = await as(admin)('GET', `/v1/audit/providers?action=credential.authorized&subject_id=${id}`)
  t.match(events.data, [{ actor: { id: admin.user_id }, details: { holder: 'tenant', issuer: idp.issuer } }])
})

t.test('each user connects for themselves, and nobody is called with what another one brought', async (t) => {
  const { id, identifier } = await register({ auth_scope: 'user' })
  t.match(await connect(ann, id), { status: 200 })
  const anns = await freshFor(ann, identifier)
  t.ok(anns?.token)
  t.match(await refusalOf(freshFor(cem, identifier)), { code: 'upstream_authorization_required', message: /You have/ })
  t.match(await connect(cem, id, 'cem'), { status: 200 })
  t.not((await freshFor(cem, identifier))?.token, anns?.token)
  t.same(await freshFor(ann, identifier), anns)
  t.equal((await as(ann)('DELETE', `/v1/mcp-providers/${id}/authorization`)).status, 204)
  t.match(await refusalOf(freshFor(ann, identifier)), { code: 'upstream_authorization_required' })
  t.ok((await freshFor(cem, identifier))?.token)
})

t.test('what the authorization server says against it is shown, and nothing of it is obeyed', async (t) => {
  const { id, identifier } = await register()
  const begun = await authorizeBy(admin, id)
  const denied = await consent(begun.body.authorize_url, 'ann', 'deny')
  t.match(await comeBack(denied, begun.cookies), { status: 400, text: /The user said no/ })
  const spoilt: [string, (to: URL) => void, RegExp][] = [
    ['of another issuer', (to) => to.searchParams.set('iss', 'https://evil.example'), /did not come from/],
    ['of no issuer', (to) => to.searchParams.delete('iss'), /did not come from/],
    ['without a code', (to) => to.searchParams.delete('code'), /no code/],
    ['with two codes', (to) => to.searchParams.append('code', 'x'), /no code/],
    ['with HTML', (to) => to.searchParams.set('error', '<script>x</script>'), /&lt;script&gt;/]
  ]
  for (const [name, spoil, words] of spoilt) {
    const again = await authorizeBy(admin, id)
    const to = await consent(again.body.authorize_url)
    spoil(to)
    t.match(await comeBack(to, again.cookies), { status: 400, text: words }, name)
  }
  t.equal(await freshFor(ann, identifier), null, 'nothing was stored')
})

t.test('a token is renewed ahead of its end: once for all who ask, over all replicas', async (t) => {
  await service.openAnother()
  const { id, identifier } = await register()
  await connect(admin, id)
  const first = await freshFor(ann, identifier)
  const before = refreshes()
  await dueNow(id)
  const all = await Promise.all(Array.from({ length: 12 }, (_, n) => freshFor(n % 2 ? ann : cem, identifier)))
  t.equal(refreshes(), before + 1)
  t.equal(new Set(all.map((one) => one?.token)).size, 1)
  t.not(all[0]?.token, first?.token)
  await dueNow(id)
  t.not((await freshFor(ann, identifier))?.token, all[0]?.token, 'and the next time with the next refresh token')
})

t.test('a server that is away loses nothing, and one that says no asks for another authorization', async (t) => {
  const { id, identifier } = await register()
  await connect(admin, id)
  const first = await freshFor(ann, identifier)
  await dueNow(id)
  idp.controls.failTokenEndpoint('429', 1)
  t.equal((await freshFor(ann, identifier))?.token, first?.token, 'it lasts a little longer')
  await sql.query('update mcp_provider.oauth_credential set backoff_until = null, expires_at = now()')
  idp.controls.failTokenEndpoint('429', 1)
  t.match(await refusalOf(freshFor(ann, identifier)), { code: 'upstream_unavailable' })
  await sql.query('update mcp_provider.oauth_credential set backoff_until = null')
  t.ok((await freshFor(ann, identifier))?.token)
  await dueNow(id)
  idp.controls.failTokenEndpoint('invalid_grant', 1)
  t.match(await refusalOf(freshFor(ann, identifier)), { code: 'upstream_authorization_required' })
  t.match((await as(admin)('GET', `/v1/mcp-providers/${id}/authorization`)).body, { status: 'sign_in_again' })
  const clients = () => sql.query('select id from mcp_provider.oauth_client where issuer = $1', [idp.issuer])
  const kept = (await clients()).rows
  await connect(admin, id)
  t.ok((await freshFor(ann, identifier))?.token)
  t.same((await clients()).rows, kept, 'with the client that was registered before')
})

t.test('an answer without a refresh token keeps the one there is', async (t) => {
  const { id, identifier } = await register()
  await connect(admin, id)
  await dueNow(id)
  const answer = { access_token: 'another one of this test', token_type: 'Bearer', expires_in: 300 }
  idp.controls.failTokenEndpoint(async () => ({ status: 200, body: JSON.stringify(answer) }), 1)
  recordSecrets([answer.access_token])
  t.equal((await freshFor(ann, identifier))?.token, answer.access_token)
  await dueNow(id)
  t.match((await freshFor(ann, identifier))?.token, /^ey/, 'which is good for the next one')
})

t.test('a client of its own gets a token without anybody', async (t) => {
  const { id, identifier } = await register({ authentication: machine })
  const url = `/v1/mcp-providers/${id}/authorize`
  const { status, body } = await as(admin)('POST', url, { grant_type: 'client_credentials' })
  t.same([status, body], [200, { status: 'authorized' }])
  const first = await freshFor(ann, identifier)
  await dueNow(id)
  t.not((await freshFor(ann, identifier))?.token, first?.token)
  t.match((await as(admin)('POST', url, { grant_type: 'password' })).status, 400)
})

t.test('what is stored shows nothing of a token', async (t) => {
  const { rows } = await sql.query('select * from mcp_provider.oauth_credential')
  t.ok(rows.length > 0)
  for (const { refresh_token, access_token } of rows)
    for (const sealed of [refresh_token, access_token]) t.notMatch(sealed?.toString('latin1') ?? '', /[\w.-]{40}/)
})
