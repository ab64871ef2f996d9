import { resolveApiKey } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { Client } from 'pg'
import t from 'tap'
import { bootstrapFile, listenToChanges, logins, signInAs, startBroker } from '../start.ts'

const broker = await startBroker(t)
const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
await database.connect()
t.teardown(() => database.end())
const all = async (sql: string) => (await database.query(sql)).rows
const file = () => bootstrapFile(broker.idp.issuer)
const snapshot = async () => [
  await all('select id, slug, name from identity_broker.tenant order by id'),
  await all(
    'select id, tenant_id, connection_id, subject, email, is_email_verified, name from identity_broker."user" order by id'
  ),
  await all('select user_id, role from identity_broker.member order by user_id'),
  await all('select id, app_id, key_hash, act_for from identity_broker.api_key order by id')
]

await t.test('running it again changes nothing, and what it did the first time is on record', async (t) => {
  const before = await snapshot()
  const events = await all('select action, actor_kind from identity_broker.audit_event order by action')
  t.match(
    events.filter(({ action }) => action === 'connection.created' || action === 'member.joined'),
    [
      ...Array(2).fill({ action: 'connection.created', actor_kind: 'system' }),
      ...Array(5).fill({ action: 'member.joined' })
    ]
  )
  const ofApps = () =>
    all("select action, details from identity_broker.audit_event where action ~ '^(app|api_key)' order by id")
  t.match(await ofApps(), [
    { action: 'app.created', details: { fields: ['name'] } },
    { action: 'api_key.created', details: { act_for: 'any' } }
  ])
  await broker.bootstrap(file())
  t.same(await snapshot(), before)
  t.same(await all('select action, actor_kind from identity_broker.audit_event order by action'), events)
})

await t.test('what an IdP said of somebody is left alone; what nobody said yet is taken from the file', async (t) => {
  await signInAs(broker, logins.user)
  const named = file()
  for (const { members } of named.tenants)
    for (const one of members) Object.assign(one, { email: `${one.subject}@file.test` })
  const of = (login: string) =>
    all(`select email, is_email_verified, name from identity_broker."user" where id = '${broker.userIds[login] ?? ''}'`)
  await broker.bootstrap(named)
  t.same(await of(logins.user), [{ email: 'ann@acme.test', is_email_verified: true, name: 'ann' }])
  t.same(await of(logins.absent), [{ email: 'bob@file.test', is_email_verified: false, name: null }])
  const before = await snapshot()
  await broker.bootstrap(file())
  t.same(await snapshot(), before)
})

await t.test('a file that is wrong names the place, and nothing of it is stored', async (t) => {
  const before = await snapshot()
  const fine = file()
  const [tenant] = fine.tenants
  const rows: [string, unknown, RegExp][] = [
    ['no JSON', '{', /not JSON/],
    ['an unknown key', { ...fine, tenant: [] }, /tenant/],
    ['a slug with spaces', { tenants: [{ ...tenant, slug: 'a b' }] }, /\/tenants\/0\/slug/],
    [
      'a role nobody has',
      { tenants: [{ ...tenant, members: [{ connection: 'sso', subject: 'x', role: 'king' }] }] },
      /role/
    ],
    [
      'a connection nobody has',
      { tenants: [{ ...tenant, slug: 'new', members: [{ connection: 'X', subject: 'x', role: 'owner' }] }] },
      /"X"/
    ],
    [
      'a tenant nobody has',
      { ...fine, installations: [{ name: 'p', secret_env: 'SECRET', tenants: ['zzz'] }] },
      /"zzz"/
    ]
  ]
  for (const [name, wrong, words] of rows) await t.rejects(broker.bootstrap(wrong), words, name)
  await t.rejects(broker.bootstrap(file(), { SECRET: 'changeme' }), /SECRET/)
  await t.rejects(broker.bootstrap(file(), { SECRET: '' }), /SECRET/)
  const weak = await broker.bootstrap(file(), { API_KEY: 'obk_short' }).catch((error: unknown) => String(error))
  t.match(weak, /API_KEY/)
  t.notMatch(weak, /obk_short/)
  t.same(await snapshot(), before)
})

await t.test('somebody whose role the file changes has the new one at once', async (t) => {
  const { heard } = await listenToChanges(t, broker)
  const demoted = file()
  for (const { slug, members } of demoted.tenants)
    for (const one of members) if (slug === 'acme' && one.subject === logins.second) one.role = 'admin'
  await broker.bootstrap(demoted)
  await t.resolves(heard('user', broker.userIds[logins.second] ?? ''))
})

await t.test('a connection that leads elsewhere loses its grants', async (t) => {
  broker.register('http://127.0.0.1:9/mcp')
  await signInAs(broker, logins.user)
  const moved = file()
  for (const { connections } of moved.tenants) for (const one of connections) one.client_id = 'another'
  await broker.bootstrap(moved)
  const [grant] = await all('select dead_reason, refresh_token from identity_broker."grant"')
  t.match(grant, { dead_reason: 'connection_changed', refresh_token: null })
})

await t.test('a key that may act for fewer from now on is narrowed at once, and that is on record', async (t) => {
  const key_hash = hashOf(broker.apiKey)
  const user_id = broker.userIds[logins.user] ?? ''
  const within = () => ({ deadlineAt: Date.now() + 20_000 })
  const resolve = () => call(broker.bus, resolveApiKey, { key_hash, user_id }, within())
  await resolve()
  const narrowed = file()
  for (const { apps = [] } of narrowed.tenants) for (const one of apps) one.act_for = 'none'
  await broker.bootstrap(narrowed)
  await t.rejects(resolve(), { code: 'policy_denied' })
  const [event] = await all(
    "select details, actor_kind from identity_broker.audit_event where action = 'api_key.updated'"
  )
  t.match(event, { details: { act_for: 'none', fields: ['act_for', 'listed'] }, actor_kind: 'system' })
})
