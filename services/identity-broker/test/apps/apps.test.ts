import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { busAuthenticators, hashOf } from '@onbehalf/service-kit'
import { eventually, recordSecrets, untilLocked } from '@onbehalf/testkit'
import { Client } from 'pg'
import t from 'tap'
import { apiOf } from '../api.ts'
import { logins, type SignedIn, signInAs, startBroker } from '../start.ts'

const broker = await startBroker(t)
const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
await database.connect()
t.teardown(() => database.end())
const send = apiOf(broker)
const owner = await signInAs(broker, logins.owner)
const admin = await signInAs(broker, logins.user)
const member = await signInAs(broker, logins.second)
const former = await signInAs(broker, logins.absent)
const stranger = await signInAs(broker, logins.owner, 'globex')
await send(owner, 'PATCH', `/v1/members/${admin.userId}`, { role: 'admin' })
const url = '/v1/apps'
const makeApp = async (name: string, more: object = {}) => (await send(owner, 'POST', url, { name, ...more })).body
const makeKey = async (app: { id: string }, body: object = {}, who: SignedIn = owner) => {
  const answer = await send(who, 'POST', `${url}/${app.id}/keys`, body)
  if (answer.body.key) recordSecrets([answer.body.key])
  return answer
}
const callers = busAuthenticators(broker.bus, { accepts: ['api_key'] })
t.teardown(callers.close)
const principalOf = async (key: string) => (await callers.authenticators.api_key?.(hashOf(key)))?.principal
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'good',
    (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : 'no code')
  )

await t.test('an app is made, read, changed and deleted, and each is on record', async (t) => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const link_keys = [{ kid: 'k1', ...publicKey.export({ format: 'jwk' }) }]
  const return_urls = ['https://app.example/back', 'http://127.0.0.1:3000/back']
  const made = await send(owner, 'POST', url, { name: 'Flows 2', return_urls, link_keys })
  t.match(made, { status: 201, body: { name: 'Flows 2', return_urls, link_keys } })
  const at = `${url}/${made.body.id}`
  t.match(await send(owner, 'PATCH', at, { name: 'Renamed' }), { status: 200, body: { name: 'Renamed', return_urls } })
  t.match(await send(admin, 'GET', at), { status: 200, body: { name: 'Renamed', link_keys } })
  const taken = { status: 409, body: { details: [{ path: 'name' }] } }
  t.match(await send(owner, 'POST', url, { name: 'Renamed' }), taken)
  t.equal((await send(owner, 'DELETE', at)).status, 204)
  t.equal((await send(owner, 'GET', at)).status, 404)
  const { body } = await send(owner, 'GET', `/v1/audit/identity?subject_id=${made.body.id}`)
  t.match(body.data, [
    { action: 'app.deleted' },
    { action: 'app.updated', details: { fields: ['name'] } },
    { action: 'app.created', actor: { kind: 'user', id: owner.userId } }
  ])
})

await t.test('return URLs are exact, and link keys public: each fault names its place', async (t) => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const other = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' })
  const ed = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  const fine = { kid: 'a', ...ec.publicKey.export({ format: 'jwk' }) }
  const wrong: [string, object][] = [
    ['return_urls.0', { return_urls: ['http://app.example/back'] }],
    ['return_urls.1', { return_urls: ['https://app.example/', 'https://app.example'] }],
    ['return_urls.0', { return_urls: ['https://app.example/#x'] }],
    ['return_urls.0', { return_urls: ['https://user@app.example/'] }],
    ['return_urls.0', { return_urls: ['javascript:alert(1)'] }],
    ['link_keys.0.d', { link_keys: [{ kid: 'a', ...ec.privateKey.export({ format: 'jwk' }) }] }],
    ['link_keys.0.crv', { link_keys: [{ kid: 'a', ...other }] }],
    ['link_keys.0', { link_keys: [{ ...fine, y: fine.x }] }],
    ['link_keys.1.kid', { link_keys: [fine, { kid: 'a', ...ed }] }],
    ['name', { name: ' ' }]
  ]
  for (const [path, body] of wrong)
    t.match(
      await send(owner, 'POST', url, { name: 'W', ...body }),
      { status: 400, body: { details: [{ path }] } },
      path
    )
  t.equal((await makeApp('Both kinds', { link_keys: [fine, { kid: 'b', ...ed }] })).link_keys.length, 2)
})

await t.test('a key is shown once, rests as a hash, and may call tools and nothing else', async (t) => {
  const app = await makeApp('Keys')
  const { status, body } = await makeKey(app)
  t.match([status, body.act_for, body.scopes], [201, 'none', ['tools:call', 'tools:list']])
  t.match(body.key, /^obk_[A-Za-z0-9_-]{43}$/)
  t.equal(body.prefix, body.key.slice(0, 8))
  const { body: listed } = await send(owner, 'GET', `${url}/${app.id}/keys`)
  t.match(listed.data, [{ id: body.id, prefix: body.prefix, revoked_at: null }])
  const { rows } = await database.query('select * from identity_broker.api_key where id = $1', [body.id])
  t.notMatch(JSON.stringify([listed, rows]), body.key)
  t.match(await principalOf(body.key), { kind: 'app', app_id: app.id, scopes: ['tools:call', 'tools:list'] })
  const ask = async (key: string, path: string) =>
    (await fetch(`${broker.publicUrl}${path}`, { headers: { authorization: `Bearer ${key}` } })).status
  t.equal(await ask(body.key, '/v1/members'), 403, 'a key as they are made reaches no management route')
  const { body: made } = await makeKey(app, { scopes: ['members:read'] })
  t.same([await ask(made.key, '/v1/members'), await ask(made.key, '/v1/audit/identity')], [200, 403])
  t.equal(await ask(made.key, url), 401, 'and keys are made by no key')
  const used = async () => (await send(owner, 'GET', `${url}/${app.id}/keys`)).body.data[0].last_used_at
  t.ok(await eventually(used, (at) => at !== null), 'its use is noted')
})

await t.test('whom a key may act for, and its end, change everywhere at once', async (t) => {
  const app = await makeApp('Acting')
  const { body } = await makeKey(app, { act_for: 'listed', listed: [member.userId] })
  const at = `${url}/${app.id}/keys/${body.id}`
  const acting = (userId: string) => () => codeOf(callers.actFor(hashOf(body.key), userId))
  t.same([await acting(member.userId)(), await acting(admin.userId)()], ['good', 'policy_denied'])
  t.match(await send(owner, 'PATCH', at, { listed: [admin.userId] }), { status: 200, body: { listed: [admin.userId] } })
  t.equal(await eventually(acting(member.userId), (code) => code !== 'good'), 'policy_denied')
  t.equal(await acting(admin.userId)(), 'good')
  await send(owner, 'PATCH', at, { act_for: 'linked', listed: [] })
  t.equal(await eventually(acting(admin.userId), (code) => code !== 'good'), 'no_refresh_token')
  await database.query(
    `insert into identity_broker.link (id, tenant_id, app_id, external_id, user_id, allowed_by) values ($1, $2, $3, 'y', $4, $4)`,
    [randomUUID(), broker.tenantId, app.id, owner.userId]
  )
  t.same(
    [await acting('y')(), await acting(owner.userId)(), await acting(member.userId)()],
    ['good', 'no_refresh_token', 'no_refresh_token'],
    "whoever is linked to the app, by the app's own id of them"
  )
  t.equal((await send(owner, 'DELETE', at)).status, 204)
  t.equal(await eventually(acting('y'), (code) => code !== 'good'), 'invalid_bearer')
  t.equal((await send(owner, 'DELETE', at)).status, 204, 'again changes nothing')
  t.equal((await send(owner, 'PATCH', at, { act_for: 'none' })).status, 409)
  const { body: audit } = await send(owner, 'GET', `/v1/audit/identity?subject_id=${body.id}`)
  t.match(
    audit.data.map(({ action }: { action: string }) => action),
    ['api_key.revoked', 'api_key.updated', 'api_key.updated', 'api_key.created']
  )
})

await t.test('only an owner lets a key act for any user; a deleted app takes its keys with it', async (t) => {
  const app = await makeApp('Any')
  const refused = { status: 403, body: { code: 'forbidden', details: [{ path: 'act_for' }] } }
  t.match(await makeKey(app, { act_for: 'any' }, admin), refused)
  const { body } = await makeKey(app, {}, admin)
  const at = `${url}/${app.id}/keys/${body.id}`
  t.match(await send(admin, 'PATCH', at, { act_for: 'any' }), refused)
  t.match(await send(owner, 'PATCH', at, { act_for: 'any' }), { status: 200, body: { act_for: 'any' } })
  t.equal(await codeOf(callers.actFor(hashOf(body.key), member.userId)), 'good')
  await send(owner, 'DELETE', `${url}/${app.id}`)
  t.equal(
    await eventually(
      () => codeOf(principalOf(body.key)),
      (code) => code !== 'good'
    ),
    'invalid_bearer'
  )
})

await t.test('an admin lets no key act for an owner or another admin', async (t) => {
  const app = await makeApp('Above')
  const refused = (path: string) => ({ status: 403, body: { code: 'forbidden', details: [{ path }] } })
  const listed = [member.userId, owner.userId]
  t.match(await makeKey(app, { act_for: 'listed', listed }, admin), refused('listed.1'))
  const { status, body } = await makeKey(app, { act_for: 'listed', listed: [admin.userId, member.userId] }, admin)
  t.equal(status, 201, 'for themselves, and for members')
  const at = `${url}/${app.id}/keys/${body.id}`
  t.match(await send(admin, 'PATCH', at, { listed }), refused('listed.1'))
  t.equal(await codeOf(callers.actFor(hashOf(body.key), owner.userId)), 'policy_denied')
  t.equal((await send(owner, 'PATCH', at, { listed })).status, 200)
  t.match(await send(admin, 'PATCH', at, { expires_at: null }), refused('listed.1'))
})

await t.test('whoever is an owner is acted for only while an owner, or they themselves, said so', async (t) => {
  const app = await makeApp('Promoted')
  const keys = `${url}/${app.id}/keys`
  const bring = (who: SignedIn, external_id: string, { userId: user_id }: SignedIn) =>
    send(who, 'POST', '/v1/links/import', { app_id: app.id, links: [{ external_id, user_id }] })
  await bring(owner, 'the owner', owner)
  await bring(admin, 'a member', member)
  await bring(admin, 'a member too', member)
  const listing = await makeKey(app, { act_for: 'listed', listed: [member.userId, admin.userId] }, admin)
  const linked = await makeKey(app, { act_for: 'linked' }, admin)
  t.match(linked.body.set_by, { kind: 'user', id: admin.userId })
  const byOwner = await makeKey(app, { act_for: 'linked' })
  const asking = (answer: typeof linked, id: string) => () => codeOf(callers.actFor(hashOf(answer.body.key), id))
  const until = async (ask: () => Promise<string>, wanted: string, why: string) =>
    t.equal(await eventually(ask, (code) => code === wanted), wanted, why)

  t.equal(await asking(linked, 'the owner')(), 'policy_denied', "an owner's link, and a key that an admin made for it")
  t.equal(await asking(byOwner, 'the owner')(), 'good')
  t.same([await asking(listing, admin.userId)(), await asking(linked, 'a member')()], ['good', 'good'])
  t.same([await asking(listing, member.userId)(), await asking(byOwner, 'a member')()], ['good', 'good'])
  await send(owner, 'PATCH', `/v1/members/${member.userId}`, { role: 'owner' })
  await until(asking(linked, 'a member'), 'policy_denied', 'who was linked is an owner now')
  await until(asking(listing, member.userId), 'policy_denied', 'so is who was listed')
  await until(asking(byOwner, 'a member'), 'policy_denied', "an admin's link reaches no owner, by no key")
  const [{ id: old }] = (await send(owner, 'GET', `/v1/links?app_id=${app.id}&external_id=a%20member`)).body.data
  await send(owner, 'DELETE', `/v1/links/${old}`)
  await bring(owner, 'a member', member)
  await until(asking(byOwner, 'a member'), 'good', "an owner's does")

  await send(owner, 'PATCH', `/v1/members/${admin.userId}`, { role: 'owner' })
  const made = () => makeKey(app, { act_for: 'any' }, admin)
  const anew = await eventually(made, ({ status }) => status === 201)
  t.equal(await asking(anew, 'the owner')(), 'good', 'who was made an owner lets keys act for owners')
  t.same(
    [await asking(linked, 'the owner')(), await asking(anew, 'a member too')()],
    ['policy_denied', 'policy_denied'],
    'but what they said as an admin, of keys or links, goes no further than it did'
  )
  await send(owner, 'PATCH', `/v1/members/${admin.userId}`, { role: 'admin' })
  await until(asking(anew, 'the owner'), 'policy_denied', 'nor does what they said as an owner when they are none')

  const at = `${keys}/${byOwner.body.id}`
  t.match(await send(member, 'PATCH', at, { act_for: 'linked' }), {
    status: 200,
    body: { set_by: { id: member.userId } }
  })
  t.equal(await asking(byOwner, 'the owner')(), 'good', 'as another owner says')
  await send(owner, 'PATCH', `/v1/members/${member.userId}`, { role: 'member' })
  await until(asking(byOwner, 'the owner'), 'policy_denied', 'who is an owner no more')
  t.equal(await asking(byOwner, 'a member')(), 'good', 'members are acted for all the same')
  await send(owner, 'PATCH', at, { expires_at: null })
  t.equal(await asking(byOwner, 'the owner')(), 'policy_denied', 'an owner who moves its end says nothing else')
  await send(owner, 'PATCH', at, { act_for: 'linked' })
  await until(asking(byOwner, 'the owner'), 'good', 'an owner said so again')
  t.match(await send(admin, 'PATCH', at, { expires_at: null }), { body: { set_by: { id: admin.userId } } })
  await until(asking(byOwner, 'the owner'), 'policy_denied', 'an admin who moves its end answers for it')
  await database.query('update identity_broker.api_key set set_by_kind = null, set_by_id = null where app_id = $1', [
    app.id
  ])
  t.equal(await asking(byOwner, 'a member')(), 'good')
  await send(owner, 'DELETE', `${url}/${app.id}`)
})

await t.test('who is a member no more is acted for as somebody external, everywhere at once', async (t) => {
  const app = await makeApp('Former')
  const { body } = await makeKey(app, { act_for: 'listed', listed: [former.userId] })
  const roleOf = async () => (await callers.actFor(hashOf(body.key), former.userId)).principal
  t.match(await roleOf(), { user_id: former.userId, user_role: 'member' })
  t.match(await principalOf(body.key), { user_id: null, user_role: null })
  t.equal((await send(owner, 'DELETE', `/v1/members/${former.userId}`)).status, 204)
  t.match(await eventually(roleOf, (principal) => 'user_role' in principal && principal.user_role === null), {
    user_role: null
  })
})

/** Asks for a change while somebody else makes one, which is done first. */
const meanwhile = async <Answer>(table: string, id: string, change: string, ask: () => Promise<Answer>) => {
  await database.query('begin')
  await database.query(`select from identity_broker.${table} where id = $1 for update`, [id])
  const asked = ask()
  await untilLocked(database)
  await database.query(`update identity_broker.${table} set ${change} where id = $1`, [id])
  await database.query('commit')
  return asked
}

await t.test('two changes at once undo nothing of each other', async (t) => {
  const app = await makeApp('Raced', { return_urls: ['https://gone.example/'] })
  const at = `${url}/${app.id}`
  const named = await meanwhile('app', app.id, `return_urls = '{}'`, () => send(owner, 'PATCH', at, { name: 'Race' }))
  t.same([named.body.name, named.body.return_urls], ['Race', []], 'what was removed stays so')
  t.same((await send(owner, 'GET', at)).body, named.body)
  t.match(await send(owner, 'PATCH', at, {}), { status: 200, body: { name: 'Race' } })
  const { body: key } = await makeKey(app, { act_for: 'listed', listed: [member.userId] })
  const expires_at = new Date(Date.now() + 3_600_000).toISOString()
  const change = () => send(owner, 'PATCH', `${at}/keys/${key.id}`, { expires_at })
  const dated = await meanwhile('api_key', key.id, `listed = '{}'`, change)
  t.same([dated.body.listed, dated.body.expires_at], [[], expires_at])
  const none = () => send(owner, 'PATCH', `${at}/keys/${key.id}`, { listed: [member.userId] })
  t.match(
    await meanwhile('api_key', key.id, `act_for = 'none'`, none),
    { status: 400, body: { details: [{ path: 'listed' }] } },
    'what is checked is the key as it is by then'
  )
})

await t.test('members may not, other tenants find nothing, and bad input names its field', async (t) => {
  const app = await makeApp('Guarded')
  const { body: key } = await makeKey(app)
  const at = `${url}/${app.id}`
  const routes = [
    ['GET', at],
    ['PATCH', at, { name: 'x' }],
    ['POST', `${at}/keys`, {}],
    ['GET', `${at}/keys`],
    ['PATCH', `${at}/keys/${key.id}`, { act_for: 'none' }],
    ['DELETE', `${at}/keys/${key.id}`],
    ['DELETE', at]
  ] as const
  for (const [method, path, body] of routes) {
    t.equal((await send(member, method, path, body)).status, 403, `${method} ${path}`)
    t.match(await send(stranger, method, path, body), { status: 404, body: { code: 'not_found' } }, `${method} ${path}`)
  }
  const elsewhere = await makeApp('Elsewhere')
  t.equal((await send(owner, 'DELETE', `${url}/${elsewhere.id}/keys/${key.id}`)).status, 404, "another app's key")
  const wrong: [string, object][] = [
    ['scopes.0', { scopes: ['members:write'] }],
    ['act_for', { act_for: 'all' }],
    ['listed', { listed: [member.userId] }],
    ['listed.1', { act_for: 'listed', listed: [member.userId, stranger.userId] }],
    ['expires_at', { expires_at: '2020-01-01T00:00:00Z' }],
    ['key', { key: 'obk_mine' }]
  ]
  for (const [path, body] of wrong)
    t.match(await makeKey(app, body), { status: 400, body: { details: [{ path }] } }, path)
})
