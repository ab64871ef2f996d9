import { randomBytes, randomUUID } from 'node:crypto'
import { resolveBearer } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { busAuthenticators, hashOf } from '@onbehalf/service-kit'
import { eventually, recordSecrets } from '@onbehalf/testkit'
import { openBusAs } from '@onbehalf/testkit/players'
import { Client } from 'pg'
import t from 'tap'
import { clientId, externalIssuer, mintExternal, send, signInDevice, startService } from '../start.ts'

const { app, broker, backends, redis, resources, startReplica } = await startService(t)
const other = await startReplica()
const invoker = await openBusAs(t, backends, 'tool-invoker')
const admin = new Client({ connectionString: backends.adminDatabaseUrl })
await admin.connect()
t.teardown(() => admin.end())

const account = '/openapi/v1/account'
const sessions = `${account}/sessions`
const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
const resolve = (token: string) =>
  call(invoker, resolveBearer, { token_hash: hashOf(token) }, { deadlineAt: Date.now() + 20_000 })
const labelsOf = (body: { data: { device_label: string }[] }) => body.data.map(({ device_label }) => device_label)
const signedInTwice = async (who: Awaited<ReturnType<typeof broker.signIn>>) => {
  const { body: laptop } = await signInDevice(app, who, { device_label: 'laptop' })
  const { body: server } = await signInDevice(app, who, { device_label: 'server' })
  return { laptop, server }
}

t.test('a member sees their own devices, the newest first, and pages through them', async (t) => {
  const tenant_id = randomUUID()
  const who = await broker.signIn({ tenant_id })
  await signInDevice(app, await broker.signIn({ tenant_id }), { device_label: "a colleague's" })
  const { laptop, server } = await signedInTwice(who)
  const { body: over } = await signInDevice(app, who, { device_label: 'over' })
  await admin.query('update device_auth.device_token set expires_at = now() where id = $1', [over.token_id])
  const { status, body } = await send(app, 'GET', sessions, as(laptop.token))
  t.equal(status, 200)
  t.match(body, { page: 1, limit: 100, total: 2, has_more: false })
  t.strictSame(labelsOf(body), ['server', 'laptop'])
  t.match(body.data[1], {
    ...{ id: laptop.token_id, prefix: 'dfoa_', client_id: clientId, is_current: true },
    ...{ created_at: /Z$/, expires_at: laptop.expires_at }
  })
  t.equal(body.data[0].is_current, false)
  t.notOk(JSON.stringify(body).includes(hashOf(server.token)), 'and nothing of the tokens')
  const { body: first } = await send(app, 'GET', `${sessions}?limit=1`, as(laptop.token))
  t.match([first.has_more, labelsOf(first)], [true, ['server']])
  const { body: second } = await send(app, 'GET', `${sessions}?limit=1&page=2`, as(laptop.token))
  t.match([second.has_more, labelsOf(second)], [false, ['laptop']])
  for (const query of ['limit=0', 'limit=201', 'page=0', 'page=x'])
    t.match(await send(app, 'GET', `${sessions}?${query}`, as(laptop.token)), { status: 400 }, query)
})

t.test('one, the own and all others can be ended, and nobody ends those of somebody else', async (t) => {
  const tenant_id = randomUUID()
  const who = await broker.signIn({ tenant_id })
  const { laptop, server } = await signedInTwice(who)
  const colleague = (await signInDevice(app, await broker.signIn({ tenant_id }))).body
  const end = (path: string) => send(app, 'DELETE', `${sessions}${path}`, as(laptop.token))
  for (const id of [colleague.token_id, randomUUID()])
    t.match(await end(`/${id}`), { status: 404, body: { code: 'not_found', message: 'You have no such session.' } })
  t.match(await end('/no-uuid'), { status: 400 })
  t.match(await end(`/${server.token_id}`), { status: 200, body: { status: 'revoked', revoked: 1 } })
  t.match(await end(`/${server.token_id}`), { status: 404 }, 'once')
  t.match(await send(other, 'GET', account, as(server.token)), { status: 401, body: { code: 'invalid_bearer' } })
  await signInDevice(app, who, { device_label: 'third' })
  t.match(await end('?keep_current=true'), { status: 200, body: { revoked: 1 } })
  t.match(await send(other, 'GET', account, as(laptop.token)), { status: 200 })
  t.match(await end(''), { status: 200, body: { revoked: 1 } })
  t.match(await send(other, 'GET', account, as(laptop.token)), { status: 401 })
  t.match(await send(other, 'GET', account, as(colleague.token)), { status: 200 })
  const said =
    "select action, actor_id, details from device_auth.audit_event where subject_id = $1 and action like '%revoked'"
  const { rows } = await admin.query(said, [server.token_id])
  t.match(rows, [{ action: 'oauth.token_revoked', actor_id: who.user_id, details: { device_label: 'server' } }])
})

t.test('an external user has the same of their own, and nothing else', async (t) => {
  const tenant_id = randomUUID()
  const external = await broker.signIn({ tenant_id, role: null, email: 'pat@partner.example' })
  const one = await mintExternal(resources, external)
  t.match(one, {
    ...{ token: /^dfoe_[\w-]{43}$/, subject_type: 'external_sso', account: null, default_workspace_id: null },
    ...{ subject_email: 'pat@partner.example', subject_issuer: externalIssuer, scope: 'tools:call' }
  })
  t.strictSame(one.workspaces, [])
  t.match(await send(app, 'GET', account, as(one.token)), {
    status: 200,
    body: {
      ...{ subject_type: 'external_sso', account: null, subject_email: 'pat@partner.example' },
      ...{ subject_issuer: externalIssuer, token_id: one.token_id, expires_at: one.expires_at }
    }
  })
  const { principal } = await resolve(one.token)
  t.match(principal, { kind: 'user', tenant_id, user_id: external.user_id, role: null })
  const again = await mintExternal(resources, external)
  t.equal(again.token_id, one.token_id, 'their device rotates in place too')
  await t.rejects(resolve(one.token), { code: 'invalid_bearer' })
  const second = await mintExternal(resources, external, { device_label: 'another' })
  t.strictSame(labelsOf((await send(app, 'GET', sessions, as(again.token))).body), ['another', 'partner laptop'])
  for (const url of ['/v1/device-tokens', '/v1/device-settings', '/v1/audit/devices'])
    t.match(await send(app, 'GET', url, as(again.token)), { status: 403, body: { code: 'forbidden' } }, url)
  const { rows: denied } = await admin.query(
    "select actor_id, subject_id, details from device_auth.audit_event where action = 'openapi.wrong_surface_denied' and actor_id = $1 order by id",
    [external.user_id]
  )
  t.match(denied, [
    { subject_id: one.token_id, details: { subject_type: 'external_sso', attempted_path: 'GET /v1/device-tokens' } },
    { details: { attempted_path: 'GET /v1/device-settings' } },
    { details: { attempted_path: 'GET /v1/audit/devices' } }
  ])
  t.match(await send(app, 'DELETE', `${sessions}/${second.token_id}`, as(again.token)), { status: 200 })
  t.match(await send(app, 'DELETE', `${sessions}/self`, as(again.token)), { status: 200 })
  await t.rejects(resolve(again.token), { code: 'invalid_bearer' })
})

t.test('an external token is minted and used by nobody who is a member, and while the licence covers it', async (t) => {
  const external = await broker.signIn({ role: null })
  await t.rejects(mintExternal(resources, external, { isCovered: false }), { code: 'access_denied' })
  const { token } = await mintExternal(resources, external)
  await resolve(token)
  broker.changeRole(external.user_id, 'member')
  const refused = await eventually(
    () =>
      resolve(token).then(
        () => '',
        ({ code }) => code
      ),
    (code) => code !== ''
  )
  t.equal(refused, 'invalid_bearer')
  await t.rejects(mintExternal(resources, external), { code: 'access_denied' })
  const { rows } = await admin.query('select details from device_auth.audit_event where actor_id = $1', [
    external.user_id
  ])
  t.match(rows[0].details, { scopes: ['tools:call'], subject_type: 'external_sso', subject_issuer: externalIssuer })
})

t.test("administrators see and end their tenant's, members their own, also from a browser", async (t) => {
  const tenant_id = randomUUID()
  const owner = await broker.signIn({ tenant_id, role: 'owner' })
  const member = await broker.signIn({ tenant_id, role: 'member' })
  const stranger = await broker.signIn({ role: 'owner' })
  const { laptop, server } = await signedInTwice(member)
  const { body: mine } = await signInDevice(app, owner, { device_label: "owner's" })
  const list = async (who: typeof owner, query = '') =>
    labelsOf((await send(app, 'GET', `/v1/device-tokens${query}`, { headers: who.headers })).body)
  t.strictSame(await list(owner), ["owner's", 'server', 'laptop'])
  t.strictSame(await list(owner, `?user_id=${member.user_id}`), ['server', 'laptop'])
  t.strictSame(await list(member, `?user_id=${owner.user_id}`), ['server', 'laptop'], 'whatever they ask for')
  t.strictSame(await list(stranger, `?user_id=${member.user_id}`), [])
  const page = (await send(app, 'GET', '/v1/device-tokens?limit=2', { headers: owner.headers })).body
  t.strictSame(await list(owner, `?limit=2&cursor=${page.next_cursor}`), ['laptop'])
  const end = async (who: typeof owner, id: string) =>
    (await send(app, 'DELETE', `/v1/device-tokens/${id}`, { headers: who.headers })).status
  t.strictSame([await end(stranger, laptop.token_id), await end(member, mine.token_id)], [404, 404])

  const reader = busAuthenticators(invoker, { accepts: ['bearer'] })
  t.teardown(reader.close)
  const held = () =>
    Promise.resolve(reader.authenticators.bearer?.(hashOf(laptop.token))).then(
      () => 'good',
      ({ code }) => code
    )
  t.equal(await eventually(held, (answer) => answer === 'good'), 'good')
  t.strictSame([await end(owner, laptop.token_id), await end(member, server.token_id)], [204, 204])
  t.equal(await eventually(held, (answer) => answer !== 'good'), 'invalid_bearer', 'for everybody who held it')
  const { body } = await send(app, 'GET', `/v1/audit/devices?subject_id=${laptop.token_id}`, { headers: owner.headers })
  t.match(body.data[0], { action: 'oauth.token_revoked', actor: { kind: 'user', id: owner.user_id } })
})

t.test('a tenant sets how long its tokens live; the others have 14 days', async (t) => {
  const owner = await broker.signIn({ role: 'owner' })
  const member = await broker.signIn({ tenant_id: owner.tenant_id })
  const daysOf = ({ expires_at }: { expires_at: string }) =>
    Math.round((Date.parse(expires_at) - Date.now()) / 86_400_000)
  const patch = (who: typeof owner, body: object) =>
    app.inject({ method: 'PATCH', url: '/v1/device-settings', headers: who.headers, payload: body })
  const read = async () => (await send(app, 'GET', '/v1/device-settings', { headers: owner.headers })).body
  t.strictSame(await read(), { token_days: 14, approval_max_age: null })
  t.equal(daysOf((await signInDevice(app, member)).body), 14)
  t.equal((await patch(member, { token_days: 2 })).statusCode, 403)
  for (const token_days of [0, 366, 1.5, '2'])
    t.match((await patch(owner, { token_days })).json(), { status: 400, details: [{ path: 'token_days' }] })
  t.equal((await patch(owner, { token_days: 2, other: true })).statusCode, 400)
  t.strictSame((await patch(owner, { token_days: 2 })).json(), { token_days: 2, approval_max_age: null })
  t.equal(daysOf((await signInDevice(other, member)).body), 2)
  t.equal(daysOf((await signInDevice(app, await broker.signIn())).body), 14, 'nobody else')
  t.strictSame((await patch(owner, { token_days: null })).json(), { token_days: 14, approval_max_age: null })
  t.equal(daysOf((await signInDevice(app, member)).body), 14)
  const { body } = await send(app, 'GET', '/v1/audit/devices?action=device_setting.updated', { headers: owner.headers })
  t.strictSame(
    body.data.map(({ details }: { details: object }) => details),
    [{ token_days: null }, { token_days: 2 }]
  )
})

t.test('a token that is shown too often waits, whichever replica it is shown to, and whatever it is', async (t) => {
  const who = await broker.signIn()
  const { body: good } = await signInDevice(app, who)
  const { body: revoked } = await signInDevice(app, who, { device_label: 'revoked' })
  await admin.query('update device_auth.device_token set revoked_at = now() where id = $1', [revoked.token_id])
  const unknown = `dfoa_${randomBytes(32).toString('base64url')}`
  recordSecrets([unknown])
  for (const [token, status] of [
    [good.token, 200],
    [revoked.token, 401],
    [unknown, 401]
  ] as const) {
    const key = `device-auth:limit:bearer:${hashOf(token).slice(0, 22)}`
    t.match(await send(app, 'GET', account, as(token)), { status })
    t.match(await send(other, 'GET', sessions, as(token)), { status })
    t.equal(await redis.get(key), '2', 'counted together')
    const left = await redis.pttl(key)
    t.ok(left > 0 && left <= 60_000)
    await redis.set(key, 59, 'PX', 60_000)
    t.match(await send(app, 'GET', account, as(token)), { status }, 'the sixtieth')
    for (const one of [app, other]) {
      const refused = await send(one, 'GET', account, as(token))
      t.match(refused, { status: 429, body: { code: 'too_many_requests' }, headers: { 'retry-after': /^[1-6]?\d$/ } })
    }
    await redis.del(key)
    t.match(await send(app, 'GET', account, as(token)), { status }, 'afterwards it is as it was')
  }
})

t.test('and is not even looked up meanwhile', async (t) => {
  const { body } = await signInDevice(app, await broker.signIn())
  const key = `device-auth:limit:bearer:${hashOf(body.token).slice(0, 22)}`
  await redis.set(key, 60, 'PX', 60_000)
  await admin.query('begin')
  // Whoever reads a token waits for us.
  await admin.query('lock table device_auth.device_token in access exclusive mode')
  t.match(await send(app, 'GET', account, as(body.token)), { status: 429 })
  await admin.query('rollback')
  await redis.del(key)
  t.match(await send(app, 'GET', account, as(body.token)), { status: 200 })
})
