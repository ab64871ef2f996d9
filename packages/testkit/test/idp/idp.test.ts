import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { createBrowser } from '../../src/http/index.ts'
import { startIdp } from '../../src/idp/index.ts'
import { until } from '../../src/until.ts'
import { alice, askTokens, authorize, bob, client, refresh, signInForTokens } from './relying-party.ts'

const one = 'http://127.0.0.1:9/mcp'
const two = 'https://tools.example/mcp?x=1'

const start = async (test: Test, resources: 'any-http' | string[] = 'any-http') => {
  const idp = await startIdp({ clients: [client], users: [alice, bob], resources })
  test.teardown(idp.stop)
  const browser = createBrowser()
  test.teardown(browser.close)
  return { idp, browser }
}

t.test('a user signs in and gets an access token for one asked resource, byte for byte its audience', async (t) => {
  const { idp, browser } = await start(t)
  const tokens = await signInForTokens(idp, browser, { resources: [one, two], login: 'alice', password: 'wonder' })
  t.equal(tokens.status, 200)
  t.match(decodeJwt(tokens.id_token), { sub: 'alice', email: alice.email, email_verified: true, name: 'Alice' })

  const first = await refresh(idp, tokens.refresh_token, one)
  const second = await refresh(idp, first.refresh_token, two)
  const keys = createRemoteJWKSet(new URL(`${idp.issuer}/jwks`))
  for (const [{ access_token }, audience] of [
    [first, one],
    [second, two]
  ] as const) {
    const { payload, protectedHeader } = await jwtVerify(access_token, keys, { issuer: idp.issuer, audience })
    t.match(protectedHeader, { alg: 'ES256', typ: 'at+jwt' })
    t.match(payload, { sub: 'alice', email: alice.email, aud: audience })
    t.ok(payload.exp)
  }
  t.match(idp.log(), { by_grant_type: { authorization_code: 1, refresh_token: 2 }, refreshes_by_user: { alice: 2 } })
  const logged = JSON.stringify(idp.log())
  for (const secret of [tokens.refresh_token, first.refresh_token, first.access_token, client.client_secret]) {
    t.notMatch(logged, secret, 'the log holds no secret')
  }
})

t.test('a refresh token that is used twice revokes the whole grant', async (t) => {
  const { idp, browser } = await start(t)
  const { refresh_token } = await signInForTokens(idp, browser, { resources: [one], login: 'bob' })
  const renewed = await refresh(idp, refresh_token, one)
  t.equal(renewed.status, 200)
  t.match(await refresh(idp, refresh_token, one), { status: 400, error: 'invalid_grant' })
  t.match(await refresh(idp, renewed.refresh_token, one), { status: 400, error: 'invalid_grant' })
})

t.test('revoking what a user granted leaves the other user alone', async (t) => {
  const { idp, browser } = await start(t)
  const ofBob = await signInForTokens(idp, browser, { resources: [one], login: 'bob' })
  const other = createBrowser()
  t.teardown(other.close)
  const ofAlice = await signInForTokens(idp, other, { resources: [one], login: alice.email, password: 'wonder' })
  const answer = await fetch(`${idp.issuer}/_revoke?sub=bob`, { method: 'POST' })
  t.same(await answer.json(), { revoked: 1 })
  t.match(await refresh(idp, ofBob.refresh_token, one), { status: 400, error: 'invalid_grant' })
  t.equal((await refresh(idp, ofAlice.refresh_token, one)).status, 200)
  const log = await (await fetch(`${idp.issuer}/_log`)).json()
  t.match(log, { refreshes_by_user: { alice: 1 }, refreshes_of_nobody: 1 })
})

t.test('a resource outside the set is refused at sign-in, and allowed once it was added', async (t) => {
  const { idp, browser } = await start(t, [one])
  const refused = await authorize(idp, browser, { resources: [two], login: 'bob' })
  t.equal(refused.callback.searchParams.get('error'), 'invalid_target')
  idp.controls.allowResource(two)
  const { refresh_token } = await signInForTokens(idp, browser, { resources: [two], login: 'bob' })
  t.equal(decodeJwt((await refresh(idp, refresh_token, two)).access_token).aud, two)
})

t.test('a resource not asked for at sign-in is refused at refresh', async (t) => {
  const { idp, browser } = await start(t)
  const { refresh_token } = await signInForTokens(idp, browser, { resources: [one], login: 'bob' })
  t.match(await refresh(idp, refresh_token, two), { status: 400, error: 'invalid_target' })
})

t.test('without PKCE, with a wrong password or with a no, nobody gets in', async (t) => {
  const { idp, browser } = await start(t)
  const query = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: client.redirect_uris[0],
    response_type: 'code',
    scope: 'openid'
  })
  const page = await browser.visit(`${idp.issuer}/auth?${query}`, { follow: false })
  t.match(page.headers.location, /error=invalid_request/)
  const wrong = authorize(idp, browser, { resources: [one], login: 'alice', password: 'wrong' })
  await t.rejects(wrong, { message: 'the IdP refuses alice' })
  const denied = await authorize(idp, browser, { resources: [one], login: 'bob', decision: 'deny' })
  t.equal(denied.callback.searchParams.get('error'), 'access_denied')
})

t.test('the token endpoint fails as it is told, as often as it is told', async (t) => {
  const { idp, browser } = await start(t)
  let { refresh_token } = await signInForTokens(idp, browser, { resources: [one], login: 'bob' })
  idp.controls.failTokenEndpoint('500', 1)
  t.equal((await refresh(idp, refresh_token, one)).status, 500)
  idp.controls.failTokenEndpoint('empty-400', 1)
  t.match(await refresh(idp, refresh_token, one), { status: 400, error: '' })
  idp.controls.failTokenEndpoint('reset', 1)
  await t.rejects(refresh(idp, refresh_token, one), 'the connection is reset')
  idp.controls.failTokenEndpoint('hang', 1)
  const body = new URLSearchParams({ grant_type: 'refresh_token' })
  const giveUp = new AbortController()
  const hung = t.rejects(fetch(`${idp.issuer}/token`, { method: 'POST', body, signal: giveUp.signal }))
  await until(() => idp.log().last.some(({ error }) => error === 'hang'))
  giveUp.abort()
  await hung
  const renewed = await refresh(idp, refresh_token, one)
  t.equal(renewed.status, 200, 'none of these touched the token')
  refresh_token = renewed.refresh_token
  idp.controls.failTokenEndpoint('lost', 1)
  await t.rejects(refresh(idp, refresh_token, one), 'the answer is lost')
  t.match(await refresh(idp, refresh_token, one), { status: 400, error: 'invalid_grant' }, 'but the token was rotated')
})

t.test('it offers introspection, revocation and userinfo', async (t) => {
  const { idp, browser } = await start(t)
  const tokens = await signInForTokens(idp, browser, { resources: [], login: 'bob' })
  const userinfo = await fetch(`${idp.issuer}/me`, { headers: { authorization: `Bearer ${tokens.access_token}` } })
  t.match(await userinfo.json(), { sub: 'bob', email: bob.email })
  const { client_id, client_secret } = client
  const form = new URLSearchParams({ client_id, client_secret, token: tokens.refresh_token })
  const introspect = () => fetch(`${idp.issuer}/token/introspection`, { method: 'POST', body: form })
  t.match(await (await introspect()).json(), { active: true })
  t.equal((await fetch(`${idp.issuer}/token/revocation`, { method: 'POST', body: form })).status, 200)
  t.match(await (await introspect()).json(), { active: false })
  t.equal((await askTokens(idp, { grant_type: 'client_credentials' })).status, 400)
})
