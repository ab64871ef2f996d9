import { issueToken, resolveApiKey } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { createBrowser, eventually, recordSecrets, until } from '@onbehalf/testkit'
import { Client } from 'pg'
import t from 'tap'
import { playIdp } from '../played-idp.ts'
import { listenToChanges, startBroker } from '../start.ts'

const idp = await playIdp(t)
const elsewhere = await playIdp(t)
const broker = await startBroker(t, { allow: [idp.port, elsewhere.port] })
const { publicUrl, bus } = broker
const audience = 'http://127.0.0.1:9/mcp'
const provider = broker.register(audience, { server_identifier: 'tools' })
const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
await database.connect()
t.teardown(() => database.end())
const all = async (sql: string) => (await database.query(sql)).rows

const secret = 'b7Qm-its-client-secret-for-this-test'
recordSecrets([secret])
const connection = {
  name: 'played',
  issuer: idp.issuer,
  client_id: 'onbehalf',
  client_secret_env: 'PLAYED_SECRET',
  client_authentication: 'basic',
  scopes: 'openid offline_access',
  resource_support: 'many'
}
const apply = (change: Partial<typeof connection> & { token_endpoint?: string }) =>
  broker.bootstrap(
    { tenants: [{ slug: 'acme', name: 'Acme', connections: [{ ...connection, ...change }], members: [] }] },
    { PLAYED_SECRET: secret }
  )
const signIn = (name = 'played') =>
  createBrowser().visit(`${publicUrl}/auth/sign-in?tenant=acme&connection=${name}&return_to=/auth/me`)
const grants = (name = 'played') =>
  all(`select g.id, g.dead_reason, g.refresh_token from identity_broker."grant" g
    join identity_broker.connection c on c.id = g.connection_id where c.name = '${name}'`)

const changes = await listenToChanges(t, broker)

const within = () => ({ deadlineAt: Date.now() + 20_000 })
const issueFor = async (user_id: string) => {
  const { ticket } = await call(bus, resolveApiKey, { key_hash: hashOf(broker.apiKey), user_id }, within())
  const principal = ticket
  return call(bus, issueToken, { principal, provider: await broker.mcpProvider.ticketFor(provider) }, within())
}
/** Whether any request carried something that was stored. */
const sawStored = ({ seen }: typeof idp) =>
  seen.some(({ authorization, form }) => authorization !== undefined || form.has('refresh_token') || form.has('token'))

await t.test('an issuer that is not the one of its discovery document signs nobody in', async (t) => {
  const users = await all('select count(*) from identity_broker."user"')
  for (const issuer of [`${idp.issuer}/`, `${idp.issuer.replace('127.0.0.1', 'localhost')}`]) {
    await apply({ issuer })
    const page = await signIn()
    t.match([page.status, page.body], [503, /identity_provider_unavailable/], issuer)
    t.notMatch(page.body, /127\.0\.0\.1:\d+"/)
  }
  idp.metadata.issuer = 'https://another.example'
  await apply({})
  t.equal((await signIn()).status, 503)
  idp.metadata.issuer = idp.issuer
  t.same(await all('select count(*) from identity_broker."user"'), users, 'and nobody is stored')
})

await t.test('a discovery document that moves its token endpoint ends the grants and is sent nothing', async (t) => {
  await apply({})
  const me = await signIn()
  t.equal(me.status, 200)
  const { user } = JSON.parse(me.body)
  const [grant] = await grants()
  t.equal(grant.dead_reason, null)
  await changes.forget()
  idp.metadata.token_endpoint = `${elsewhere.issuer}/token`
  // Another replica has not asked for the document yet.
  await broker.addReplica()
  // Whichever replica is asked; what one of them was refused is not remembered here, so that the other is asked too.
  const refused = async () => {
    await all('delete from identity_broker.refusal')
    await t.rejects(issueFor(user.id))
    return (await grants())[0].dead_reason
  }
  await eventually(refused, (reason) => reason !== null, 60)
  t.match((await grants())[0], { dead_reason: 'connection_changed', refresh_token: null })
  await t.resolves(changes.heard('grant', grant.id))
  await t.resolves(until(() => changes.said.some((one) => one.startsWith('connection:'))))
  const moves = await all("select * from identity_broker.audit_event where action = 'connection.moved'")
  t.match(moves, [{ actor_kind: 'system', details: { fields: ['token_endpoint'], grants_ended: 1 } }])
  const again = await signIn()
  t.match([again.status, again.body], [503, /client_secret/], 'the secret is to be given anew')
  t.notOk(sawStored(elsewhere), 'nothing stored went to the new place')
  await apply({})
  await signIn()
  t.equal(elsewhere.seenAt('/token').length > 0, true, 'once it is given, it is used there')
  idp.metadata.token_endpoint = `${idp.issuer}/token`
})

await t.test('a file that names another issuer or client ends the grants and tells running replicas', async (t) => {
  for (const [name, change] of Object.entries({
    client: { client_id: 'another' },
    issuer: { issuer: elsewhere.issuer }
  })) {
    await apply({ name })
    t.equal((await signIn(name)).status, 200)
    const [grant] = await grants(name)
    await changes.forget()
    elsewhere.seen.length = 0
    await apply({ name })
    t.same(await grants(name), [grant], 'the same file again changes nothing')
    await apply({ name, ...change })
    t.match(await grants(name), [{ dead_reason: 'connection_changed', refresh_token: null }], name)
    await t.resolves(changes.heard('grant', grant.id))
    t.notOk(sawStored(elsewhere))
  }
})
