import { createHash, randomBytes } from 'node:crypto'
import { recordSecrets } from '@onbehalf/testkit'
import * as client from 'openid-client'
import t from 'tap'
import { hashDeviceCode } from '../../src/device-code/device-code.ts'
import { shortNames } from '../../src/device-code/scripts.ts'
import { clientId, decideAs, letTimePass, lookUp, poll, send, signInDevice, startFlow, startService } from '../start.ts'

const { app, broker, publicUrl, redis, startReplica } = await startService(t)
const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
const path = '/openapi/v1/oauth/device'
const form = (fields: Record<string, string>) => ({
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams(fields).toString()
})

t.test('a device gets codes, waits, is approved, and gets a token in both shapes', async (t) => {
  const who = await broker.signIn({ role: 'admin', name: 'Ada', email: 'ada@example.com' })
  const begun = await send(app, 'POST', `${path}/code`, { body: { client_id: clientId, device_label: 'laptop' } })
  t.equal(begun.status, 200)
  t.match(begun.body, {
    device_code: /^dc_[A-Za-z0-9_-]{43}$/,
    user_code: /^[A-HJ-NP-Y3-9]{4}-[A-HJ-NP-Y3-9]{4}$/,
    verification_uri: `${publicUrl}/device`,
    verification_uri_complete: `${publicUrl}/device?user_code=${begun.body.user_code}`,
    expires_in: 900,
    interval: 5
  })
  t.equal(begun.headers['cache-control'], 'no-store')
  t.equal(begun.headers['x-frame-options'], 'DENY')
  t.match(begun.headers['content-security-policy'], /frame-ancestors 'none'/)

  const { device_code, user_code } = begun.body
  const waiting = await poll(app, device_code)
  t.match(waiting, { status: 400, body: { error: 'authorization_pending', error_description: /Keep polling/ } })
  t.match(await decideAs(app, 'approve', who, user_code), { status: 200, body: { status: 'approved' } })
  await letTimePass(redis)

  const { status, body, headers } = await poll(app, device_code, { grant_type })
  t.equal(status, 200)
  t.equal(headers['cache-control'], 'no-store')
  t.match(body, {
    token: /^dfoa_[A-Za-z0-9_-]{43}$/,
    access_token: body.token,
    token_type: 'Bearer',
    scope: 'full',
    subject_type: 'account',
    account: { id: who.user_id, email: 'ada@example.com', name: 'Ada' },
    workspaces: [{ id: who.tenant_id, name: 'A tenant', role: 'admin' }],
    default_workspace_id: who.tenant_id,
    token_id: /^[0-9a-f-]{36}$/
  })
  const fourteenDays = 14 * 86_400
  t.ok(Math.abs(body.expires_in - fourteenDays) < 10, 'it lives for 14 days')
  t.ok(Math.abs(Date.parse(body.expires_at) / 1000 - Date.now() / 1000 - fourteenDays) < 10)
  t.match(await poll(app, device_code), { status: 400, body: { error: 'expired_token' } }, 'and never again')
})

t.test('an RFC 8628 client that sends forms and unknown fields is served too', async (t) => {
  const who = await broker.signIn()
  const begun = await send(app, 'POST', `${path}/code`, form({ client_id: 'difyctl', scope: 'full', audience: 'x' }))
  t.equal(begun.status, 200)
  const { device_code, user_code } = begun.body
  t.match(await lookUp(app, user_code, { headers: who.headers }), { body: { device_label: 'unknown device' } })
  await decideAs(app, 'approve', who, user_code)
  const fields = { grant_type, device_code, client_id: 'difyctl', resource: 'x' }
  const answer = await send(app, 'POST', `${path}/token`, form(fields))
  t.match(answer, { status: 200, body: { token_type: 'Bearer', access_token: /^dfoa_/ } })
})

t.test('a client library that knows nothing but RFC 8628 signs in, at either mount', async (t) => {
  await app.listen({ host: '127.0.0.1', port: Number(new URL(publicUrl).port) })
  const who = await broker.signIn()
  for (const mount of [path, '/v1/oauth/device']) {
    const server = {
      issuer: publicUrl,
      device_authorization_endpoint: `${publicUrl}${mount}/code`,
      token_endpoint: `${publicUrl}${mount}/token`
    }
    const configuration = new client.Configuration(server, clientId, undefined, client.None())
    client.allowInsecureRequests(configuration)
    const codes = await client.initiateDeviceAuthorization(configuration, { scope: '' })
    const { user_code, device_code, expires_in, interval } = codes
    t.match(codes.verification_uri_complete, user_code)
    t.strictSame([expires_in, interval], [900, 5])
    const redeem = () => client.genericGrantRequest(configuration, grant_type, { device_code })
    const refused = async () => redeem().catch((error: unknown) => error)
    t.match(await refused(), { error: 'authorization_pending', status: 400 })
    t.match(await refused(), { error: 'slow_down' })
    await decideAs(app, 'approve', who, user_code)
    await letTimePass(redis)
    const tokens = await redeem()
    recordSecrets([tokens.access_token])
    t.match(tokens, { access_token: /^dfoa_/, token_type: 'bearer', scope: 'full' })
    t.ok(Math.abs((tokens.expiresIn() ?? 0) - 14 * 86_400) < 10)
    t.match(await refused(), { error: 'expired_token' })
  }
})

t.test('a parameter without a value is one that was left out, in a form', async (t) => {
  const empty = { client_id: clientId, device_label: '', scope: '', tenant: '', code_challenge: '' }
  const { status, body } = await send(app, 'POST', `${path}/code`, form({ ...empty, code_challenge_method: '' }))
  t.equal(status, 200)
  const fields = { device_code: body.device_code, client_id: clientId, code_verifier: '', grant_type: '' }
  t.match(await send(app, 'POST', `${path}/token`, form(fields)), { body: { error: 'authorization_pending' } })
  t.match(await send(app, 'POST', `${path}/code`, form({ client_id: '' })), {
    body: { error_description: /client_id is missing/ }
  })
})

t.test('nothing here is ever framed, whatever the answer', async (t) => {
  const who = await broker.signIn()
  for (const mount of [path, '/v1/oauth/device']) {
    const { user_code } = (await send(app, 'POST', `${mount}/code`, { body: { client_id: clientId } })).body
    const approve = { headers: who.headers, body: { user_code } }
    const answers = [
      await send(app, 'POST', `${mount}/approve`, approve),
      await send(app, 'POST', `${mount}/deny`, approve),
      await send(app, 'POST', `${mount}/deny`),
      await send(app, 'POST', `${mount}/code`, { body: '{' }),
      await send(app, 'POST', `${mount}/token`, { body: { device_code: 'x', client_id: clientId } }),
      await send(app, 'GET', `${mount}/lookup?user_code=${user_code}`),
      await send(app, 'GET', `${mount}/nothing`),
      await send(app, 'GET', `${mount}/%zz`)
    ]
    t.strictSame(
      answers.map(({ status }) => status),
      [200, 409, 401, 415, 400, 200, 404, 400]
    )
    for (const { headers } of answers) {
      t.equal(headers['x-frame-options'], 'DENY')
      t.match(headers['content-security-policy'], /frame-ancestors 'none'/)
    }
  }
})

t.test('polling too fast slows the device down, and it is remembered', async (t) => {
  const { device_code } = await startFlow(app)
  const key = `device-auth:code:${hashDeviceCode(device_code)}`
  t.match(await poll(app, device_code), { body: { error: 'authorization_pending' } })
  t.match(await poll(app, device_code), { body: { error: 'slow_down' } })
  t.equal(await redis.hget(key, shortNames.interval), '10')
  await redis.hset(key, shortNames.polled_at, Date.now() - 7_000)
  t.match(await poll(app, device_code), { body: { error: 'slow_down' } }, '7 s are not 10')
  t.equal(await redis.hget(key, shortNames.interval), '15')
  await redis.hset(key, shortNames.polled_at, Date.now() - 14_000)
  t.match(await poll(app, device_code), { body: { error: 'slow_down' } }, '14 s are not 15')
  await redis.hset(key, shortNames.polled_at, Date.now() - 21_000)
  t.match(await poll(app, device_code), { body: { error: 'authorization_pending' } })
  const left = await redis.pttl(key)
  t.ok(left > 0 && left <= 900_000, 'polling makes nothing live longer')
})

t.test('unknown codes are expired_token, however often they are polled', async (t) => {
  const device_code = `dc_${randomBytes(32).toString('base64url')}`
  for (let time = 0; time < 3; time += 1)
    t.match(await poll(app, device_code), { status: 400, body: { error: 'expired_token' } })
})

t.test('only the client that started may redeem; another one learns and changes nothing', async (t) => {
  const who = await broker.signIn()
  const { device_code, user_code } = await startFlow(app)
  const unknown = await poll(app, `dc_${'x'.repeat(43)}`)
  await decideAs(app, 'approve', who, user_code)
  const other = await poll(app, device_code, { client_id: 'difyctl' })
  t.strictSame(other.body, unknown.body)
  t.match(await poll(app, device_code), { status: 200 }, 'the right one is not slowed down and gets it')
})

t.test('with PKCE a stolen device code is worth nothing without the verifier', async (t) => {
  const who = await broker.signIn()
  const code_verifier = randomBytes(32).toString('base64url')
  const code_challenge = createHash('sha256').update(code_verifier).digest('base64url')
  const { device_code, user_code } = await startFlow(app, { code_challenge, code_challenge_method: 'S256' })
  await decideAs(app, 'approve', who, user_code)
  const wrong = { code_verifier: randomBytes(32).toString('base64url') }
  t.match(await poll(app, device_code), { body: { error: 'expired_token' } })
  t.match(await poll(app, device_code, wrong), { body: { error: 'expired_token' } })
  t.match(await poll(app, device_code, { code_verifier }), { status: 200 })

  const plain = { body: { client_id: clientId, code_challenge } }
  t.match(await send(app, 'POST', `${path}/code`, plain), { status: 400, body: { error: 'invalid_request' } })
  const unasked = await startFlow(app)
  t.match(await poll(app, unasked.device_code, { code_verifier }), { body: { error: 'expired_token' } })
})

t.test('denied is said once', async (t) => {
  const who = await broker.signIn()
  const { device_code, user_code } = await startFlow(app)
  t.match(await decideAs(app, 'deny', who, user_code), { status: 200, body: { status: 'denied' } })
  t.match(await poll(app, device_code), { status: 400, body: { error: 'access_denied' } })
  t.match(await poll(app, device_code), { status: 400, body: { error: 'expired_token' } })
})

t.test('who is no longer a member when the device collects gets nothing', async (t) => {
  for (const role of [null, undefined]) {
    const who = await broker.signIn()
    const { device_code, user_code } = await startFlow(app)
    await decideAs(app, 'approve', who, user_code)
    broker.changeRole(who.user_id, role)
    t.match(await poll(app, device_code), { status: 400, body: { error: 'access_denied' } })
    t.match(await poll(app, device_code), { status: 400, body: { error: 'expired_token' } })
  }
})

t.test('lookup tells strangers little, signed-in people enough, and of dead codes nothing', async (t) => {
  const who = await broker.signIn()
  const { device_code, user_code } = await startFlow(app, { device_label: 'a phone' }, '10.1.2.3')
  const shut = await lookUp(app, 'AAAA-AAAA')
  t.strictSame(shut.body, { valid: false, expires_in_remaining: 0, client_id: null })
  t.strictSame((await lookUp(app, 'no code at all')).body, shut.body)

  const [key = ''] = await redis.keys(`device-auth:code:${hashDeviceCode(device_code)}`)
  await redis.pexpire(key, 100_000)
  const typed = ` ${user_code.toLowerCase().replace('-', ' ')}`
  const seen = await lookUp(app, typed)
  t.strictSame(Object.keys(seen.body).sort(), ['client_id', 'expires_in_remaining', 'valid'])
  t.ok(seen.body.valid && seen.body.expires_in_remaining <= 100 && seen.body.expires_in_remaining > 90, 'what is left')
  t.match((await lookUp(app, user_code, { headers: { cookie: who.cookie } })).body, {
    client_id: clientId,
    device_label: 'a phone',
    created_ip: '10.1.2.3',
    created_at: /^\d{4}-\d{2}-\d{2}T.*Z$/
  })
  await decideAs(app, 'approve', who, user_code)
  t.strictSame((await lookUp(app, user_code, { headers: who.headers })).body, shut.body, 'used')
  await redis.del(key)
  t.strictSame((await lookUp(app, user_code, { headers: who.headers })).body, shut.body, 'gone')
})

t.test('bad input is told apart by its field, in the words of OAuth', async (t) => {
  const bad = async (where: string, body: object) => (await send(app, 'POST', `${path}/${where}`, { body })).body
  t.match(await bad('code', { client_id: 'stranger' }), { error: 'unsupported_client' })
  t.match(await bad('code', {}), { error: 'invalid_request', error_description: /client_id is missing/ })
  t.match(await bad('code', { client_id: clientId, device_label: '' }), { error_description: /device_label/ })
  t.match(await bad('code', { client_id: clientId, device_label: 'x'.repeat(256) }), {
    error_description: /device_label/
  })
  for (const sign of ['\u0000', '\n', '\u202e'])
    t.match(await bad('code', { client_id: clientId, device_label: `a${sign}b` }), { error: 'invalid_request' })
  t.match(await bad('token', { client_id: clientId }), { error_description: /device_code is missing/ })
  const wrongGrant = { client_id: clientId, device_code: 'dc_x', grant_type: 'password' }
  t.match(await bad('token', wrongGrant), { error: 'unsupported_grant_type' })
  const twice = { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'client_id=a&client_id=b' }
  t.match(await send(app, 'POST', `${path}/code`, twice), { status: 400, body: { error: 'invalid_request' } })
  t.match(await send(app, 'GET', `${path}/lookup`), { status: 400, body: { error: 'invalid_request' } })
})

t.test('when no code is free the device is told to come again, and nothing of others is lost', async (t) => {
  const who = await broker.signIn()
  const taken = await startFlow(app)
  const unlucky = await startReplica({ resources: { makeUserCode: () => taken.user_code } })
  const answer = await send(unlucky, 'POST', `${path}/code`, { body: { client_id: clientId } })
  t.match(answer, { status: 503, body: { error: 'user_code_exhausted' }, headers: { 'retry-after': '5' } })
  const codes = [taken.user_code, taken.user_code, 'YYYY-YYYY']
  const lucky = await startReplica({ resources: { makeUserCode: () => codes.shift() ?? '' } })
  t.equal((await startFlow(lucky)).user_code, 'YYYY-YYYY')
  await decideAs(app, 'approve', who, taken.user_code)
  t.match(await poll(app, taken.device_code), { status: 200 })
})

t.test('a token that was handed out works, and says whose it is', async (t) => {
  const who = await broker.signIn({ role: 'owner' })
  const { body } = await signInDevice(app, who)
  const account = await send(app, 'GET', '/openapi/v1/account', { headers: { authorization: `Bearer ${body.token}` } })
  t.match(account, {
    status: 200,
    body: {
      subject_type: 'account',
      account: { id: who.user_id },
      workspaces: [{ role: 'owner' }],
      token_id: body.token_id
    }
  })
  t.equal(account.body.expires_at, body.expires_at)
})
