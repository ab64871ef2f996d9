import { Client } from 'pg'
import t from 'tap'
import { manageInstallations } from '../../src/installations/manage.ts'
import { bootstrapFile, logins, signInAs, startBroker } from '../start.ts'

const broker = await startBroker(t)
broker.register('http://127.0.0.1:9/mcp')
broker.register('http://127.0.0.1:9/mcp', { tenant_id: broker.otherTenantId })
const user = await signInAs(broker, logins.user)
const stranger = await signInAs(broker, logins.owner, 'globex')
const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
await database.connect()
t.teardown(() => database.end())

const run = async (...args: string[]) => JSON.parse(await manageInstallations(broker.config, { args }))
const shown = async (name: string) =>
  (await run('list')).find((one: { name: string }) => one.name === name) ?? { secrets: 0 }
const askWith = async (secret: string, tenant_id = broker.tenantId, user_id = user.userId) => {
  const response = await broker.inner.inject({
    method: 'POST',
    url: '/inner/api/mcp/issue-token',
    headers: { 'enterprise-api-secret-key': secret },
    payload: { tenant_id, user_id, audience: 'http://127.0.0.1:9/mcp' }
  })
  return response.statusCode
}
const actions = async (id: string) => {
  const { rows } = await database.query(
    'select action, tenant_id from identity_broker.audit_event where subject_id = $1 order by id',
    [id]
  )
  return rows.map(({ action, tenant_id }) => `${action} ${tenant_id === broker.tenantId ? 'acme' : 'globex'}`)
}

await t.test('an installation speaks for its tenants and no others, by their ids or its own', async (t) => {
  const { secret } = await run('create', 'second', 'acme=workspace-7')
  t.equal(await askWith(secret), 200)
  t.equal(await askWith(secret, 'workspace-7'), 200)
  t.equal(await askWith(secret, 'workspace-1'), 403, 'that is what another installation calls it')
  t.equal(await askWith(secret, broker.otherTenantId, stranger.userId), 403)
  await run('tenants', 'second', 'acme', 'globex=workspace-8')
  t.equal(await askWith(secret, 'workspace-7'), 403)
  t.equal(await askWith(secret, 'workspace-8', user.userId), 428, 'a user of one tenant is nobody in another')
  t.match(await shown('second'), { tenants: ['acme', 'globex=workspace-8'], secrets: 1 })
  t.ok((await shown('second')).last_used_at, 'the use was noted')
})

await t.test('two secrets work at once, then only the newer one, and a third ends the first', async (t) => {
  const { secret: first } = await run('create', 'rotating', 'acme')
  const { secret: second } = await run('rotate', 'rotating')
  t.same([await askWith(first), await askWith(second)], [200, 200])
  const { secret: third } = await run('rotate', 'rotating', '1')
  t.same([await askWith(first), await askWith(second), await askWith(third)], [404, 200, 200])
  await database.query(`update identity_broker.installation_secret set expires_at = now() where expires_at is not null`)
  t.same([await askWith(second), await askWith(third)], [404, 200])
  await run('rotate', 'rotating', '0')
  t.equal(await askWith(third), 404, 'with 0 hours the one before ends at once')
})

await t.test('one that is deleted is nobody', async (t) => {
  const { secret } = await run('create', 'gone', 'acme')
  t.equal(await askWith(secret), 200)
  await run('delete', 'gone')
  t.equal(await askWith(secret), 404)
})

await t.test('every change is told to each tenant it concerns', async (t) => {
  await run('create', 'noted', 'acme')
  const { id } = await shown('noted')
  await run('tenants', 'noted', 'acme')
  await run('tenants', 'noted', 'globex')
  await run('rotate', 'noted')
  await run('delete', 'noted')
  t.same((await actions(id)).sort(), [
    'installation.created acme',
    'installation.deleted globex',
    'installation.secret_rotated globex',
    'installation.updated acme',
    'installation.updated globex'
  ])
})

await t.test('the bootstrap file rotates by another secret, and changes nothing by the same', async (t) => {
  const { id } = await shown('platform')
  await broker.bootstrap(bootstrapFile(broker.idp.issuer))
  t.same(await actions(id), ['installation.created acme'])
  const next = 'bm90LXRoZS1zYW1lLXNlY3JldC1hcy1iZWZvcmUtYnV0LWdvb2Q'
  await broker.bootstrap(bootstrapFile(broker.idp.issuer), { SECRET: next })
  t.same([await askWith(broker.secret), await askWith(next)], [200, 200])
  t.same(await actions(id), ['installation.created acme', 'installation.secret_rotated acme'])
  await broker.bootstrap(bootstrapFile(broker.idp.issuer))
  t.same(await actions(id), ['installation.created acme', 'installation.secret_rotated acme'], 'both still work')
})

await t.test('what cannot be done is said, and nothing of it is', async (t) => {
  const rows: [string[], RegExp][] = [
    [[], /installation create NAME/],
    [['explode', 'x'], /installation create NAME/],
    [['create'], /installation create NAME/],
    [['create', 'half'], /installation create NAME/],
    [['create', 'half', 'acme', 'zzz'], /no tenant "zzz"/],
    [['create', 'platform', 'acme'], /already/],
    [['rotate', 'nobody'], /no installation "nobody"/],
    [['rotate', 'platform', 'soon'], /whole number/],
    [['tenants', 'platform'], /installation create NAME/],
    [['delete', 'nobody'], /no installation "nobody"/]
  ]
  for (const [args, words] of rows) await t.rejects(run(...args), words, args.join(' '))
  t.equal((await shown('half')).secrets, 0)
  const twice = { ...bootstrapFile(broker.idp.issuer) }
  twice.installations = [...twice.installations, { name: 'copy', secret_env: 'SECRET', tenants: [] }]
  await t.rejects(broker.bootstrap(twice), /secret of "platform"/)
})

await t.test('a secret is stored as its hash, and shown once', async (t) => {
  const { secret } = await run('create', 'quiet', 'acme')
  const { rows } = await database.query('select x::text as text from identity_broker.installation_secret x')
  t.notMatch(JSON.stringify(rows), secret)
  t.notMatch(JSON.stringify(await run('list')), secret)
})
