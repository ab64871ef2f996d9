import { issueToken, resolveApiKey } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { createBrowser } from '@onbehalf/testkit'
import { makeCertificate, responseOf, sign, usual } from '@onbehalf/testkit/saml'
import { decodeJwt } from 'jose'
import t from 'tap'
import { logins, signInAs } from '../start.ts'
import { encode, entityId, evil, startSaml, url } from './start.ts'

const saml = await startSaml(t)
const { broker, send, owner, database, idp, next, stranger, entry_point } = saml
const { given, connect, stored, begin, post, goOn, answerFor, signInBy } = saml
const { publicUrl } = broker

await t.test('a connection by SAML says what to register, and its certificates may be several', async (t) => {
  const base64 = idp.cert.replace(/-----[A-Z ]+-----|\s/g, '')
  const body = await connect({ certificates: [base64, next.cert, idp.cert] })
  const base = `${publicUrl}/auth/saml/acme/${body.name}`
  t.match(body, {
    ...{ kind: 'saml', issuer: entityId, client_id: '', client_secret: null, resource_support: 'none' },
    ...{ callback_url: `${base}/acs`, metadata_url: `${base}/metadata`, back_channel_logout_url: null },
    saml: { entry_point, email_attribute: null, email_verified: false, name_id_format: null }
  })
  t.equal(body.saml.certificates.length, 2, 'the same one twice is one')
  t.ok(body.saml.certificates.every((one: string) => one.startsWith('-----BEGIN CERTIFICATE-----')))

  const metadata = await createBrowser().visit(body.metadata_url)
  t.match([metadata.status, metadata.headers['content-type']], [200, /^application\/samlmetadata\+xml/])
  t.match(metadata.body, `entityID="${base}/metadata"`)
  t.match(metadata.body, `Location="${base}/acs"`)
  t.match(metadata.body, 'WantAssertionsSigned="true"')
  t.equal((await createBrowser().visit(`${publicUrl}/auth/saml/acme/sso/metadata`)).status, 404)

  const at = `${url}/${body.id}`
  const changed = await send(owner, 'PATCH', at, { saml: { email_attribute: 'mail' } })
  t.match(changed.body, { revision: 2, saml: { ...body.saml, email_attribute: 'mail' } }, 'left out stays')
  t.match((await send(owner, 'POST', `${at}/test`)).body.checks, [
    { check: 'settings', ok: true },
    { check: 'entry_point', ok: true },
    { check: 'certificate', ok: true },
    { check: 'certificate', ok: true }
  ])
})

await t.test('bad input is a 400 that names the field, and nothing is stored', async (t) => {
  const { cert: weak } = await makeCertificate(1024)
  const rows: [string, object][] = [
    ['saml.idp_entity_id', { idp_entity_id: undefined }],
    ['saml.idp_entity_id', { idp_entity_id: '' }],
    ['saml.entry_point', { entry_point: undefined }],
    ['saml.entry_point', { entry_point: 'http://93.184.216.34/sso' }],
    ['saml.entry_point', { entry_point: 'https://10.0.0.7/sso' }],
    ['saml.entry_point', { entry_point: 'https://169.254.169.254/' }],
    ['saml.entry_point', { entry_point: 'javascript:alert(1)' }],
    ['saml.entry_point', { entry_point: 'https://does-not-exist.invalid/sso' }],
    ['saml.certificates', { certificates: undefined }],
    ['saml.certificates', { certificates: [] }],
    ['saml.certificates.0', { certificates: ['not a certificate'] }],
    ['saml.certificates.0', { certificates: [idp.key] }],
    ['saml.certificates.1', { certificates: [idp.cert, weak] }],
    ['saml.email_verified', { email_verified: 'yes' }],
    ['saml.private_key', { private_key: 'x' }]
  ]
  const before = await stored()
  for (const [path, saml] of rows) {
    const { status, body } = await send(owner, 'POST', url, given(saml))
    t.match([status, body.code, body.details?.[0]?.path], [400, 'invalid_request', path], path)
    t.notMatch(JSON.stringify(body), /PRIVATE KEY/)
  }
  for (const [path, more] of Object.entries({
    client_id: { client_id: 'onbehalf' },
    client_secret: { client_secret: 'x' },
    scopes: { scopes: 'openid' },
    issuer: { issuer: entityId }
  })) {
    const { status, body } = await send(owner, 'POST', url, { ...given(), ...more })
    t.match([status, body.details?.[0]?.path], [400, path], path)
  }
  const oidc = { name: 'x', issuer: broker.idp.issuer, client_id: 'x', client_authentication: 'none', saml: {} }
  t.match((await send(owner, 'POST', url, oidc)).body.details, [{ path: 'saml' }])
  t.equal(await stored(), before)
})

await t.test('who the IdP names is signed in, in the browser that began', async (t) => {
  const { id, name } = await connect({ email_verified: true })
  const begun = await begin(name)
  const { request, location } = begun
  t.ok(location.startsWith(`${entry_point}&`), 'what the entry point asks for stays')
  t.match(request, { acs: `${publicUrl}/auth/saml/acme/${name}/acs`, destination: entry_point })
  t.notMatch(request.xml, 'RequestedAuthnContext')
  const posted = await post(begun, encode(answerFor(begun)))
  t.match([posted.status, posted.headers['set-cookie']], [303, undefined], 'the post signs nobody in yet')
  const me = await goOn(begun.browser, posted)
  t.match(JSON.parse(me.body), { user: { email: 'ann@acme.test', name: 'Ann' }, role: null })
  const { rows } = await database.query('select * from identity_broker."user" where connection_id = $1', [id])
  t.match(rows, [{ subject: 'ann@acme.test', is_email_verified: true, signed_in_at: Date }])
  t.same((await database.query('select 1 from identity_broker."grant" where connection_id = $1', [id])).rows, [])
  const again = JSON.parse((await signInBy(name)).body)
  t.equal(again.user.id, rows[0].id, 'the same NameID is the same user')
  const another = JSON.parse((await signInBy((await connect()).name)).body)
  t.not(another.user.id, rows[0].id, 'at another connection it is another one')
  const out = await begun.browser.visit(`${publicUrl}/auth/sign-out`)
  t.match([out.status, out.body.includes('identity_provider')], [200, false], 'and they can sign out, here')
})

await t.test(
  'e-mail, name and subject are what the connection says, and an e-mail is not verified by itself',
  async (t) => {
    const persistent = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'
    const { id, name } = await connect({
      email_attribute: 'mail',
      name_attribute: 'displayName',
      name_id_format: persistent
    })
    const { request } = await begin(name)
    t.match(request.xml, persistent)
    const said = {
      nameId: 'u-4711',
      nameIdFormat: persistent,
      attributes: { mail: 'ann@acme.test', displayName: 'Ann E.' }
    }
    t.equal((await signInBy(name, said)).status, 200)
    const { rows } = await database.query('select * from identity_broker."user" where connection_id = $1', [id])
    t.match(rows, [{ subject: 'u-4711', email: 'ann@acme.test', is_email_verified: false, name: 'Ann E.' }])
    const transient = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient'
    t.match(await signInBy(name, { nameIdFormat: transient }), { status: 400, body: /differently each time/ })
  }
)

await t.test('while the IdP changes its key both are believed, and afterwards the new one alone', async (t) => {
  const { id, name } = await connect({ certificates: [idp.cert, next.cert] })
  for (const by of [idp, next]) t.equal((await signInBy(name, {}, by)).status, 200)
  t.equal((await send(owner, 'PATCH', `${url}/${id}`, { saml: { certificates: [next.cert] } })).status, 200)
  t.equal((await signInBy(name, {}, next)).status, 200)
  t.equal((await signInBy(name, {}, idp)).status, 400)
})

await t.test('a response that is signed as well, or with comments inside, says the same', async (t) => {
  const { id, name } = await connect()
  const both = await begin(name)
  const signedTwice = sign(answerFor(both), { ...idp, what: 'Response' })
  t.equal((await goOn(both.browser, await post(both, encode(signedTwice)))).status, 200)
  // The text after a comment counts: else ann@acme.test<!-- -->.evil.example could be ann@acme.test.
  const nameId = 'ann@acme.test<!-- -->.evil.example'
  t.equal((await signInBy(name, { nameId })).status, 200)
  const cut = await begin(name)
  const commented = answerFor(cut, { nameId: 'ann@acme.test.evil.example' }).replace(
    'ann@acme.test',
    'ann@acme.test<!-- -->'
  )
  t.equal((await goOn(cut.browser, await post(cut, encode(commented)))).status, 200)
  const { rows } = await database.query('select subject from identity_broker."user" where connection_id = $1', [id])
  t.same(rows.map(({ subject }) => subject).sort(), ['ann@acme.test', 'ann@acme.test.evil.example'])
})
await t.test('a refusal of the IdP is shown as text; an edit meanwhile ends the sign-in', async (t) => {
  const { id, name } = await connect()
  const begun = await begin(name)
  const said = { ...usual(entityId, begun.request), status: 'Requester' }
  const words = '<samlp:StatusMessage>&lt;script&gt;alert(1)&lt;/script&gt;</samlp:StatusMessage></samlp:Status>'
  const refused = await post(begun, encode(responseOf(said, '').replace('</samlp:Status>', words)))
  t.match([refused.status, refused.body], [400, /refused: Requester &lt;script&gt;/])
  t.notMatch(refused.body, '<script')
  const late = await begin(name)
  const posted = await post(late, encode(answerFor(late)))
  await send(owner, 'PATCH', `${url}/${id}`, { saml: { certificates: [next.cert] } })
  const before = await stored()
  t.match(await goOn(late.browser, posted), { status: 400, body: /changed meanwhile/ })
  t.match((await createBrowser().visit(`${publicUrl}/auth/callback/acme/${name}?code=x&state=y`)).status, 400)
  t.equal(await stored(), before)
})

await t.test('it leaves no refresh token: only "signed" can act as who signed in by it', async (t) => {
  const { name } = await connect()
  const { user } = JSON.parse((await signInBy(name)).body)
  const issue = async (mode: string, more: { forward_id_token?: boolean } = {}) => {
    const within = { deadlineAt: Date.now() + 20_000 }
    const settings = broker.register(`http://127.0.0.1:9/${mode}`, { server_identifier: mode })
    const { ticket } = await call(
      broker.bus,
      resolveApiKey,
      { key_hash: hashOf(broker.apiKey), user_id: user.id },
      within
    )
    const provider = await broker.mcpProvider.ticketFor({ ...settings, mode, ...more })
    return call(broker.bus, issueToken, { principal: ticket, provider }, within)
  }
  const refused = { code: 'no_refresh_token', message: /SAML.*"signed"/ }
  for (const mode of ['idp_token', 'token_exchange', 'id_jag']) await t.rejects(issue(mode), refused, mode)
  await t.rejects(issue('idp_token', { forward_id_token: true }), refused, 'the ID token')
  const { token } = await issue('signed')
  t.match(decodeJwt(token), { sub: user.id, aud: 'http://127.0.0.1:9/signed' })
  t.equal(decodeJwt(token).email, undefined, 'an e-mail that nobody verified is not in it')
})

await t.test('an admin does not decide which certificate says who an owner is', async (t) => {
  const { id, name } = await connect()
  const { user } = JSON.parse((await signInBy(name)).body)
  await database.query("insert into identity_broker.member (user_id, tenant_id, role) values ($1, $2, 'owner')", [
    user.id,
    broker.tenantId
  ])
  const admin = await signInAs(broker, logins.second)
  await database.query("update identity_broker.member set role = 'admin' where user_id = $1", [admin.userId])
  for (const saml of [{ certificates: [stranger.cert] }, { idp_entity_id: evil }, { email_attribute: 'mail' }])
    t.equal((await send(admin, 'PATCH', `${url}/${id}`, { saml })).status, 403)
})

await t.test('the bootstrap file connects by SAML, too', async (t) => {
  const { kind, saml } = given()
  const fileOf = (entry: string) => {
    const connection = { name: 'by-file', kind, saml: { ...saml, entry_point: entry } }
    const members = [{ connection: 'by-file', subject: 'ann@acme.test', role: 'member' }]
    return { tenants: [{ slug: 'acme', name: 'Acme', connections: [connection], members }] }
  }
  await t.rejects(broker.bootstrap(fileOf('idp.example')), /saml\.entry_point/)
  await broker.bootstrap(fileOf(entry_point))
  await broker.bootstrap(fileOf(entry_point))
  t.match(JSON.parse((await signInBy('by-file')).body), { role: 'member' })
  const { rows } = await database.query("select revision from identity_broker.connection where name = 'by-file'")
  t.same(rows, [{ revision: 1 }], 'the same file again changes nothing')
})

await t.test('a fresh sign-in is forced, and the assertion has to say that it is one', async (t) => {
  const { name } = await connect()
  const signInWith = async (authenticatedAt: number | undefined, query = '&max_age=60') => {
    const begun = await begin(name, createBrowser(), query)
    const posted = await post(begun, encode(answerFor(begun, { authenticatedAt })))
    return { begun, page: await goOn(begun.browser, posted) }
  }
  const authTimeOf = async () =>
    (await database.query('select auth_time from identity_broker.session order by created_at desc limit 1')).rows[0]
      .auth_time
  t.notMatch((await begin(name)).request.xml, 'ForceAuthn')
  const fresh = await signInWith(Date.now())
  t.match(fresh.begun.request.xml, /ForceAuthn="true"/)
  t.equal(fresh.page.status, 200)
  t.ok(Math.abs(Date.now() - (await authTimeOf()).getTime()) < 30_000)
  const before = await stored()
  t.match(await signInWith(Date.now() - 120_000), { page: { status: 400, body: /let you in by an older one/ } })
  t.match(await signInWith(undefined), { page: { status: 400, body: /did not say when you signed in/ } })
  t.equal(await stored(), before)
  t.match(await signInWith(undefined, ''), { page: { status: 200 } }, 'nobody asked')
  t.equal(await authTimeOf(), null)
})

await t.test('our metadata is read 60 times a minute from one address, and no more', async (t) => {
  const { metadata_url } = await connect()
  const read = async (remoteAddress: string) => {
    const { statusCode } = await broker.app.inject({ url: new URL(metadata_url).pathname, remoteAddress })
    return statusCode
  }
  for (let visit = 1; visit <= 60; visit += 1) t.equal(await read('192.0.2.1'), 200)
  t.equal(await read('192.0.2.1'), 429)
  t.equal(await read('192.0.2.2'), 200, 'another one is not concerned')
})
