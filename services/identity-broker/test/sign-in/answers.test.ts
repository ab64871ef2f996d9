import { issueToken, resolveApiKey } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { createBrowser, randomPassword, recordSecrets } from '@onbehalf/testkit'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import t from 'tap'
import { apiOf } from '../api.ts'
import { playIdp } from '../played-idp.ts'
import { logins, signInAs, startBroker } from '../start.ts'

const idp = await playIdp(t)
const elsewhere = await playIdp(t)
const broker = await startBroker(t, { allow: [idp.port, elsewhere.port] })
const send = apiOf(broker)
const owner = await signInAs(broker, logins.owner)
const provider = broker.register('http://127.0.0.1:9/mcp', { server_identifier: 'tools' })
const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
await database.connect()
t.teardown(() => database.end())

const client_secret = randomPassword()
recordSecrets([client_secret])
let made = 0
const connect = async (given: object = {}) => {
  made += 1
  const usual = { name: `answers-${made}`, issuer: idp.issuer, client_id: 'onbehalf', client_secret }
  const { status, body } = await send(owner, 'POST', '/v1/connections', { ...usual, ...given })
  if (status !== 201) throw new Error(JSON.stringify(body))
  return body
}
const startOf = (name: string) => `${broker.publicUrl}/auth/sign-in?tenant=acme&connection=${name}&return_to=/auth/me`
const signInBy = ({ name }: { name: string }) => createBrowser().visit(startOf(name))

/** Walks to the IdP and answers with the callback that it sends the browser to. */
const callbackOf = async ({ name }: { name: string }) => {
  const browser = createBrowser()
  const page = await browser.visit(startOf(name), { follow: (to) => !to.pathname.startsWith('/auth/callback') })
  return { browser, callback: new URL(String(page.headers.location)) }
}
const stored = async () => {
  const counts = ['"user"', 'session', '"grant"', 'member'].map(
    (table) => `(select count(*) from identity_broker.${table})`
  )
  return (await database.query(`select ${counts.join(' || $1 || ')} as counts`, [' '])).rows[0].counts
}

await t.test(
  'an ID token needs the nonce of this sign-in, unless the connection says that its IdP has none',
  async (t) => {
    const usual = await connect()
    const without = await connect({ quirks: ['no_nonce'] })
    const before = await stored()
    for (const nonce of [undefined, '', 'of another sign-in', 7]) {
      idp.claims = { nonce }
      const { status, body } = await signInBy(usual)
      t.match([status, body], [400, /sign_in_failed/], `nonce ${nonce}`)
    }
    t.equal(await stored(), before, 'nothing is stored')
    idp.claims = { nonce: undefined }
    t.equal((await signInBy(without)).status, 200)
    t.equal(idp.asked.get('nonce'), null, 'and none is sent')
    t.equal(idp.asked.get('code_challenge_method'), 'S256', 'PKCE ties the code to the browser')
    idp.claims = {}
    t.equal((await signInBy(usual)).status, 200)
  }
)

await t.test(
  'an IdP that announces iss has to send its own, unless the connection says that it does not',
  async (t) => {
    idp.metadata.authorization_response_iss_parameter_supported = true
    const usual = await connect()
    const without = await connect({ quirks: ['no_iss_parameter'] })
    const before = await stored()
    const answers = {
      'no iss': {},
      'that of another': { iss: elsewhere.issuer },
      'with a slash': { iss: `${idp.issuer}/` }
    }
    for (const [name, answer] of Object.entries(answers)) {
      idp.answers.set('/auth', { body: { code: 'a-code', ...answer } })
      idp.seen.length = 0
      t.match(await signInBy(usual), { status: 400, body: /sign_in_failed/ }, name)
      t.same(idp.seenAt('/token'), [], 'the code is not redeemed')
    }
    t.equal(await stored(), before, 'nothing is stored')
    idp.answers.set('/auth', { body: { code: 'a-code', iss: idp.issuer } })
    t.equal((await signInBy(usual)).status, 200)
    idp.answers.delete('/auth')
    t.equal((await signInBy(without)).status, 200)
    delete idp.metadata.authorization_response_iss_parameter_supported
  }
)

await t.test('what one IdP answers is worth nothing where another one would answer', async (t) => {
  const [honest, evil] = [await connect(), await connect({ issuer: elsewhere.issuer })]
  const before = await stored()
  for (const one of [idp, elsewhere]) one.seen.length = 0
  const toHonest = await callbackOf(honest)
  const moved = new URL(toHonest.callback)
  moved.pathname = `/auth/callback/acme/${evil.name}`
  t.match(await toHonest.browser.visit(moved), { status: 400, body: /another identity provider/ })
  // RFC 9700 §4.4.1: the evil one sends the browser on to the honest one, with the state of its own sign-in.
  const toEvil = await callbackOf(evil)
  const mixed = new URL(`${broker.publicUrl}/auth/callback/acme/${honest.name}${toEvil.callback.search}`)
  t.match(await toEvil.browser.visit(mixed), { status: 400, body: /another identity provider/ })
  t.same([...idp.seenAt('/token'), ...elsewhere.seenAt('/token')], [], 'no code went anywhere')
  t.equal(await stored(), before, 'nothing is stored')
})

await t.test('a state that has ended signs nobody in', async (t) => {
  const connection = await connect()
  const { browser, callback } = await callbackOf(connection)
  const before = await stored()
  const redis = new Redis(broker.backends.redis.adminUrl())
  t.teardown(() => redis.disconnect())
  for (const key of await redis.keys('identity-broker:sign-in:*')) {
    const seconds = await redis.ttl(key)
    t.ok(seconds > 0 && seconds <= 600, 'it ends within ten minutes')
    await redis.pexpire(key, 0)
  }
  idp.seen.length = 0
  t.match(await browser.visit(callback), { status: 400, body: /has ended/ })
  t.same(idp.seenAt('/token'), [])
  t.equal(await stored(), before, 'nothing is stored')
})

await t.test('what an IdP says of its refusal is text on the page, and only for who began this sign-in', async (t) => {
  const connection = await connect()
  const before = await stored()
  const hostile = { error: '<img src=x onerror=alert(1)>', error_description: '"><script>alert(2)</script>\r\nx: y' }
  const { browser, callback } = await callbackOf(connection)
  callback.searchParams.delete('code')
  for (const [name, value] of Object.entries(hostile)) callback.searchParams.set(name, value)
  const foreign = await createBrowser().visit(callback)
  t.match([foreign.status, foreign.body], [400, /another browser/])
  t.notMatch(foreign.body, /alert/, 'a link that somebody sends shows nothing of theirs')
  const shown = await browser.visit(callback)
  t.match([shown.status, shown.body], [400, /refused: &lt;img src=x/])
  t.notMatch(shown.body, /<img|<script/)
  t.equal(shown.headers.x, undefined)
  t.equal(await stored(), before, 'nothing is stored')
})

const nested = (depth: number): unknown => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`)

await t.test('an answer or token that is huge, nested or not what was asked for signs nobody in', async (t) => {
  const connection = await connect()
  const before = await stored()
  const claims: Record<string, Record<string, unknown>> = {
    'an ID token of 70 KB': { more: 'x'.repeat(70_000) },
    'a nested ID token': { more: nested(50) },
    'an ID token of another issuer': { iss: elsewhere.issuer },
    'an ID token of the issuer with a slash': { iss: `${idp.issuer}/` },
    'an ID token for another client': { aud: 'another' },
    'an ID token that has ended': { exp: 1_600_000_000 },
    'a subject without end': { sub: 'x'.repeat(300) },
    'a subject that is an object': { sub: { id: 'ann' } }
  }
  for (const [name, some] of Object.entries(claims)) {
    idp.claims = some
    t.match(await signInBy(connection), { status: 400, body: /sign_in_failed/ }, name)
  }
  idp.claims = {}
  const tokens = { access_token: 'a', token_type: 'Bearer', expires_in: 300 }
  const answers: Record<string, unknown> = {
    'an answer of 300 KB': { ...tokens, more: 'x'.repeat(300_000) },
    'a nested answer': `{"access_token":"a","more":${'['.repeat(9_000)}${']'.repeat(9_000)}}`,
    'no JSON': '<html>',
    'no ID token': tokens,
    'an ID token that is none': { ...tokens, id_token: 'a.b.c' },
    'a refresh token of 100 KB': async () => ({
      ...tokens,
      refresh_token: 'x'.repeat(100_000),
      id_token: await idp.sign({ nonce: idp.asked.get('nonce') })
    })
  }
  for (const [name, body] of Object.entries(answers)) {
    idp.answers.set('/token', { body })
    t.match(await signInBy(connection), { status: 400, body: /sign_in_failed/ }, name)
  }
  idp.answers.delete('/token')
  t.equal(await stored(), before, 'nothing is stored')
  t.equal((await signInBy(connection)).status, 200)
})

await t.test('an edit while the code is redeemed leaves nothing of who signed in', async (t) => {
  const connection = await connect()
  const before = await stored()
  idp.answers.set('/token', {
    body: async () => {
      const change = { client_id: 'another' }
      t.equal((await send(owner, 'PATCH', `/v1/connections/${connection.id}`, change)).status, 200)
      const [refresh_token, id_token] = [randomPassword(), await idp.sign({ nonce: idp.asked.get('nonce') })]
      recordSecrets([refresh_token, id_token])
      return { access_token: 'a', token_type: 'Bearer', expires_in: 300, refresh_token, id_token }
    }
  })
  t.match(await signInBy(connection), { status: 400, body: /changed meanwhile/ })
  idp.answers.delete('/token')
  t.equal(await stored(), before, 'not even the user')
})

/** Asks for a token `times`; a lease, and backing off, is over at once. */
const issueAgainAndAgain = async (user_id: string, times: number) => {
  const codes: string[] = []
  for (let time = 0; time < times; time += 1) {
    await database.query('update identity_broker."grant" set backoff_until = null, lease_until = null')
    const within = { deadlineAt: Date.now() + 20_000 }
    const { ticket } = await call(broker.bus, resolveApiKey, { key_hash: hashOf(broker.apiKey), user_id }, within)
    const asked = { principal: ticket, provider: await broker.mcpProvider.ticketFor(provider) }
    const code = await call(broker.bus, issueToken, asked, within).then(
      () => 'issued',
      (error: { code: string }) => error.code
    )
    codes.push(code)
  }
  return codes
}

const away = 'identity_provider_unavailable'
const presentedTo = ({ seen }: typeof idp) =>
  seen.filter(({ form }) => form.get('grant_type') === 'refresh_token').map(({ form }) => form.get('refresh_token'))

await t.test('a refresh token that is not replaced with each use is presented again after every answer', async (t) => {
  const connection = await connect({ rotating: false })
  const { user } = JSON.parse((await signInBy(connection)).body)
  idp.seen.length = 0
  idp.answers.set('/token', { body: '<html>' })
  t.same(await issueAgainAndAgain(user.id, 3), [away, away, away])
  const access_token = await idp.sign({ aud: provider.server_url })
  recordSecrets([access_token])
  idp.answers.set('/token', { body: { access_token, token_type: 'Bearer', expires_in: 300 } })
  t.same(await issueAgainAndAgain(user.id, 1), ['issued'])
  idp.answers.delete('/token')
  const presented = presentedTo(idp)
  t.equal(presented.length, 4)
  t.equal(new Set(presented).size, 1, 'the same one each time')
})

await t.test('one that is replaced is presented twice at most, where nobody knows what came of it', async (t) => {
  const connection = await connect({ rotating: true })
  const { user } = JSON.parse((await signInBy(connection)).body)
  idp.seen.length = 0
  idp.answers.set('/token', { body: '<html>' })
  t.same(await issueAgainAndAgain(user.id, 3), [away, away, 'identity_refresh_rejected'])
  t.equal(presentedTo(idp).length, 2)
  idp.answers.delete('/token')
})

await t.test(
  'what a refresh brings that is not of this user, for this server alone, is handed to nobody',
  async (t) => {
    const connection = await connect()
    const { user } = JSON.parse((await signInBy(connection)).body)
    const { body: listed } = await send(owner, 'GET', `/v1/grants?user_id=${user.id}`)
    const emptied = `/v1/grants/${listed.data[0].id}/tokens`
    const server = provider.server_url
    const tokenOf = async (claims: object = {}, typ = 'at+jwt') => ({
      access_token: await idp.sign({ aud: server, ...claims }, { typ })
    })
    type Row = [string, object, string, 'kept' | 'left alone']
    const rows: Row[] = [
      ['for a server a slash away', await tokenOf({ aud: `${server}/` }), 'audience_not_supported', 'kept'],
      ['for another one as well', await tokenOf({ aud: [server, elsewhere.issuer] }), 'audience_not_supported', 'kept'],
      ['for our client', await tokenOf({ aud: 'onbehalf' }), 'audience_not_supported', 'kept'],
      ['for nobody', await tokenOf({ aud: undefined }), 'audience_not_supported', 'kept'],
      ['of another kind', await tokenOf({}, 'logout+jwt'), 'audience_not_supported', 'kept'],
      ['larger than a header', await tokenOf({ more: 'x'.repeat(10_000) }), 'audience_not_supported', 'kept'],
      ['opaque', { access_token: `opaque-${randomPassword()}` }, 'audience_not_supported', 'kept'],
      ['of another issuer', await tokenOf({ iss: elsewhere.issuer }), 'policy_denied', 'kept'],
      ['of somebody else', await tokenOf({ sub: 'cem' }), 'policy_denied', 'left alone'],
      [
        'with the ID token of somebody else',
        { ...(await tokenOf()), id_token: await idp.sign({ sub: 'cem' }) },
        ...(['policy_denied', 'left alone'] as const)
      ],
      ['nested deep', { ...(await tokenOf()), more: nested(50) }, away, 'left alone'],
      ['as it should be', await tokenOf(), 'issued', 'kept']
    ]
    idp.seen.length = 0
    for (const [index, [name, answer, code]] of rows.entries()) {
      const refresh_token = `refresh-${index}-${randomPassword()}`
      recordSecrets([refresh_token, ...Object.values(answer).filter((one) => typeof one === 'string')])
      idp.answers.set('/token', { body: { token_type: 'Bearer', expires_in: 300, ...answer, refresh_token } })
      t.same(await issueAgainAndAgain(user.id, 1), [code], name)
      t.equal((await send(owner, 'DELETE', emptied)).status, 204)
    }
    const numbers = presentedTo(idp).map((token) => Number(/^refresh-(\d+)-/.exec(token ?? '')?.[1] ?? Number.NaN))
    const before = rows.map((_, index) =>
      rows.slice(0, index).findLastIndex(([, , , refreshToken]) => refreshToken === 'kept')
    )
    t.same(numbers.slice(1), before.slice(1), 'what came with the answer for somebody else is never shown')
    idp.answers.delete('/token')
  }
)
