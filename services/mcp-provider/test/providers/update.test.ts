import { randomBytes, randomUUID } from 'node:crypto'
import { recordSecrets, untilLocked } from '@onbehalf/testkit'
import { mask } from '@onbehalf/vault'
import { Client } from 'pg'
import t from 'tap'
import { openProvider } from '../../src/providers/secrets.ts'
import { providerStore } from '../../src/providers/store.ts'
import { startNotingServer } from '../mcp-server.ts'
import { startService } from '../start.ts'

const noting = await startNotingServer(t)
const elsewhere = await startNotingServer(t)
const { as, backends, broker, resources } = await startService(t, { allow: [noting.address, elsewhere.address] })
const owner = await broker.signIn({ role: 'owner' })
const asOwner = as(owner)
const url = '/v1/mcp-providers'

const secret = () => {
  const text = randomBytes(18).toString('base64url')
  recordSecrets([text])
  return text
}

let made = 0
const create = async (given: object = {}) => {
  made += 1
  const names = { name: `Server ${made}`, server_identifier: `server-${made}`, server_url: `${noting.url}/${made}` }
  const { status, body } = await asOwner('POST', url, { ...names, ...given })
  if (status !== 201) throw new Error(`${status} ${body.message}`)
  return { body, at: `${url}/${body.id}` }
}
/** What the server is sent, which shows what is stored. */
const sentBy = async (at: string) => {
  noting.seen.length = 0
  await asOwner('POST', `${at}/refresh-tools`)
  return noting.seen.at(-1) ?? {}
}

t.test('what is left out stays, with PUT as with PATCH', async (t) => {
  const key = secret()
  const { body, at } = await create({
    icon: '🧭',
    icon_type: 'emoji',
    icon_background: '#fff',
    headers: { 'X-Key': key },
    configuration: { timeout: 5, sse_read_timeout: 50 },
    authentication: { client_id: secret(), client_secret: secret() },
    forward_user_identity: false,
    identity_mode: 'idp_token'
  })
  for (const [method, name] of [
    ['PUT', 'One'],
    ['PATCH', 'Two']
  ] as const) {
    const answer = await asOwner(method, at, { name })
    t.equal(answer.status, 200)
    const { revision, updated_at } = answer.body
    t.same(answer.body, { ...body, name, revision, updated_at })
  }
  const { body: last } = await asOwner('GET', at)
  t.equal(last.revision, 3)
  t.ok(last.updated_at > last.created_at)
  t.equal((await sentBy(at))['x-key'], key)
  const part = await asOwner('PATCH', at, { configuration: { timeout: 6 } })
  t.same(part.body.configuration, { timeout: 6, sse_read_timeout: 50 })
})

t.test('null clears', async (t) => {
  const { at } = await create({
    icon: 'x',
    icon_type: 'emoji',
    icon_background: '#fff',
    headers: { 'X-Key': 'abc' },
    configuration: { timeout: 5 },
    authentication: { client_id: 'client', client_secret: secret() }
  })
  const publicClient = await asOwner('PATCH', at, { authentication: { client_secret: null } })
  t.same(publicClient.body.authentication, { client_id: '******', client_secret: null })
  const nothing = { icon: null, icon_type: null, icon_background: null }
  const cleared = await asOwner('PATCH', at, { ...nothing, headers: null, configuration: null, authentication: null })
  t.match(cleared.body, {
    ...nothing,
    masked_headers: {},
    configuration: { timeout: 30, sse_read_timeout: 300 },
    authentication: null
  })
  t.notOk('x-key' in (await sentBy(at)))
  const without = await asOwner('PATCH', at, { authentication: { client_secret: 'x' } })
  t.match(without, { status: 400, body: { details: [{ path: 'authentication.client_id', message: 'is missing' }] } })
})

t.test('a masked value written back keeps what is stored, another one replaces it', async (t) => {
  const [key, id, password, query] = [secret(), secret(), secret(), secret()]
  const { body, at } = await create({
    server_url: `${noting.url}?key=${query}&b=1`,
    headers: { 'X-Key': key, 'X-Gone': 'gone' },
    authentication: { client_id: id, client_secret: password }
  })
  t.same(body.masked_headers, { 'X-Key': mask(key), 'X-Gone': '****' })
  t.same(body.authentication, { client_id: mask(id), client_secret: mask(password) })
  t.equal(body.server_url, `${noting.url}?key=${mask(query)}&b=*`)

  const back = { headers: body.masked_headers, authentication: body.authentication, server_url: body.server_url }
  const same = await asOwner('PUT', at, back)
  t.same(same.body, body, 'nothing was changed, so not even the revision')
  const { 'X-Gone': _, ...masked } = body.masked_headers
  const changed = await asOwner('PUT', at, {
    server_url: body.server_url,
    headers: { ...masked, 'X-New': 'new', 'x-other': mask(key) },
    authentication: { ...body.authentication, client_id: 'another one' }
  })
  t.match(changed.body, { revision: 2, authentication: { client_id: 'an*******ne', client_secret: mask(password) } })
  const sent = await sentBy(at)
  t.match(sent, { 'x-key': key, 'x-new': 'new', 'x-other': mask(key) }, 'a mask under another name is just a text')
  t.notOk('x-gone' in sent)
  t.same(await storedCredentials(body.id), { client_id: 'another one', client_secret: password })
})

t.test('forwarding with the mode off in effect is refused, whichever of the two was given', async (t) => {
  const { at } = await create()
  const fields = ['forward_user_identity', 'identity_mode']
  const on = await asOwner('PATCH', at, { forward_user_identity: true })
  t.equal(on.status, 400)
  t.same(
    on.body.details.map(({ path }) => path),
    fields
  )
  const both = await asOwner('PATCH', at, { forward_user_identity: true, identity_mode: 'idp_token' })
  t.match(both, { status: 200, body: { forward_user_identity: true, identity_mode: 'idp_token', revision: 2 } })
  const off = await asOwner('PUT', at, { identity_mode: 'off' })
  t.equal(off.status, 400)
  t.same(
    off.body.details.map(({ path }) => path),
    fields
  )
  const renamed = await asOwner('PUT', at, { name: `Renamed ${at}`.slice(0, 40) })
  t.match(renamed, { status: 200, body: { forward_user_identity: true, identity_mode: 'idp_token' } })
  const stopped = await asOwner('PUT', at, { forward_user_identity: false })
  t.match(stopped, { status: 200, body: { forward_user_identity: false, identity_mode: 'idp_token' } })
})

t.test('another URL drops the tools of the old one and lists the new one', async (t) => {
  const { body, at } = await create()
  t.match(body.tools, [{ name: 'noted' }])
  noting.answer = { status: 200, tools: [{ name: 'moved' }] }
  const moved = await asOwner('PATCH', at, { server_url: `${noting.url}?moved` })
  noting.answer = { status: 200, tools: [{ name: 'noted' }] }
  t.match(moved.body, { revision: 2, tools: [{ name: 'moved' }], tools_status: 'fresh' })
  const away = await asOwner('PATCH', at, { server_url: 'http://127.0.0.3:1/', name: 'Not renamed' })
  t.match(away, { status: 400, body: { details: [{ path: 'server_url', message: /EGRESS_ALLOW/ }] } })
  t.same((await asOwner('GET', at)).body, moved.body, 'nothing was changed')
})

t.test('another URL is tried with the new headers and timeouts, and a server that fails loses nothing', async (t) => {
  const key = secret()
  const credentials = { client_id: secret(), client_secret: secret() }
  const { body, at } = await create({ headers: { 'X-Key': key }, authentication: credentials })
  const change = { server_url: `${noting.url}/next`, headers: { 'X-Key': 'another' }, configuration: { timeout: 1 } }
  noting.seen.length = 0
  noting.answer = { ...noting.answer, status: 503 }
  const failed = await asOwner('PATCH', at, change)
  t.match(failed, { status: 400, body: { code: 'invalid_request', details: [{ path: 'server_url' }] } })
  t.ok(noting.seen.length > 0)
  for (const seen of noting.seen) t.equal(seen['x-key'], 'another')
  t.same((await asOwner('GET', at)).body, body)
  t.same(await storedCredentials(body.id), credentials)

  const gate = Promise.withResolvers<void>()
  t.teardown(gate.resolve)
  noting.answer = { status: 200, tools: [], gate: gate.promise }
  const slow = await asOwner('PATCH', at, change)
  noting.answer = { status: 200, tools: [{ name: 'noted' }] }
  t.match(slow, { status: 400, body: { details: [{ message: /time/ }] } }, 'within the new timeout')
  t.equal((await sentBy(at))['x-key'], key)

  noting.answer = { ...noting.answer, status: 401 }
  const wanting = await asOwner('PATCH', at, change)
  noting.answer = { ...noting.answer, status: 200 }
  t.match(wanting, { status: 200, body: { tools_status: 'needs_identity', tools: [] } }, 'a 401 is an answer')
})

t.test(
  'another URL drops what was authorized at the old one; another name, or a server that fails, does not',
  async (t) => {
    const { body, at } = await create()
    const { db } = resources
    const facts = {
      tenant_id: owner.tenant_id,
      provider_id: body.id,
      user_id: null,
      grant_type: 'authorization_code'
    } as const
    const bound = {
      issuer: noting.url,
      token_endpoint: `${noting.url}/token`,
      client_id: 'c',
      resource: noting.url,
      scope: ''
    }
    await db
      .insertInto('oauth_credential')
      .values({ id: randomUUID(), ...facts, ...bound })
      .execute()
    const held = async () =>
      (await db.selectFrom('oauth_credential').select('id').where('provider_id', '=', body.id).execute()).length
    t.equal((await asOwner('PATCH', at, { name: 'Renamed and connected' })).status, 200)
    t.equal((await asOwner('PATCH', at, { server_url: 'http://127.0.0.3:1/' })).status, 400)
    t.equal(await held(), 1)
    t.equal((await asOwner('PATCH', at, { server_url: `${noting.url}/disconnected` })).status, 200)
    t.equal(await held(), 0)
  }
)

t.test('the audience may be another resource of the same origin', async (t) => {
  const { at } = await create()
  const origin = new URL(noting.url).origin
  for (const resource of ['https://elsewhere.example/mcp', `${origin}/a?b`, `${origin}/a#b`, 'x'])
    t.match(
      await asOwner('PATCH', at, { resource }),
      { status: 400, body: { details: [{ path: 'resource' }] } },
      resource
    )
  const { body } = await asOwner('PATCH', at, { resource: `${origin}/The%7eId` })
  t.equal(body.resource, `${origin}/The%7eId`)
  const moved = await asOwner('PATCH', at, { server_url: 'https://elsewhere.example/mcp' })
  t.match(moved, { status: 400, body: { details: [{ path: 'resource' }] } }, 'it does not follow to another server')
  t.equal((await asOwner('PATCH', at, { resource: null })).body.resource, null)
})

t.test('other headers list anew and keep the tools when that fails; another name asks nobody', async (t) => {
  const { at } = await create()
  noting.seen.length = 0
  await asOwner('PATCH', at, { icon: 'x' })
  t.same(noting.seen, [])
  noting.answer = { ...noting.answer, status: 401 }
  const { body } = await asOwner('PATCH', at, { headers: { 'X-Wrong': 'key' } })
  noting.answer = { ...noting.answer, status: 200 }
  t.equal(noting.seen.at(-1)?.['x-wrong'], 'key')
  t.match(body, { tools: [{ name: 'noted' }], tools_status: 'needs_identity' })
})

t.test('a wrong value changes nothing', async (t) => {
  const { body, at } = await create()
  const wrong = [
    { name: '' },
    { server_url: 'x' },
    { headers: { 'a b': 'x' } },
    { configuration: { timeout: 0 } },
    { id: 'x' }
  ]
  for (const change of wrong) t.equal((await asOwner('PATCH', at, { icon: 'new', ...change })).status, 400)
  t.same((await asOwner('GET', at)).body, body)
})

t.test('a value that another provider has is a conflict that names the field', async (t) => {
  const [first, second] = [await create(), await create()]
  for (const field of ['name', 'server_identifier', 'server_url'] as const) {
    const { status, body } = await asOwner('PATCH', second.at, { [field]: first.body[field] })
    t.equal(status, 409)
    t.match(body, { code: 'conflict', details: [{ path: field }] })
  }
  t.same((await asOwner('GET', second.at)).body, second.body)
})

t.test('of two changes at once one is made and the other is told to read again', async (t) => {
  const { body, at } = await create()
  const admin = new Client({ connectionString: backends.adminDatabaseUrl })
  await admin.connect()
  t.teardown(() => admin.end())
  await admin.query('begin')
  await admin.query('select from mcp_provider.provider where id = $1 for update', [body.id])
  const changes = ['First', 'Second'].map((name) => asOwner('PATCH', at, { name }))
  // Both have read revision 1 once both wait for the row.
  await untilLocked(admin, 2)
  await admin.query('rollback')
  const answers = await Promise.all(changes)
  t.same(answers.map(({ status }) => status).sort(), [200, 409])
  t.match(answers.find(({ status }) => status === 409)?.body, { code: 'conflict', message: /Read it and try again/ })
  t.equal((await asOwner('GET', at)).body.revision, 2)
})

t.test('a list that arrives after the URL was changed is not kept; one that a rename overtakes is', async (t) => {
  const { at } = await create()
  const overtakenBy = async (change: object) => {
    const [gate, arrived] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    noting.answer = { status: 200, tools: [{ name: 'old' }], gate: gate.promise, onRequest: arrived.resolve }
    const listing = asOwner('POST', `${at}/refresh-tools`)
    await arrived.promise
    noting.answer = { status: 200, tools: [{ name: 'new' }] }
    t.equal((await asOwner('PATCH', at, change)).status, 200)
    noting.answer = { status: 200, tools: [{ name: 'old' }] }
    gate.resolve()
    return listing
  }
  const renamed = await overtakenBy({ name: 'Overtaken' })
  t.match(renamed, { status: 200, body: { name: 'Overtaken', tools: [{ name: 'old' }] } })
  const moved = await overtakenBy({ server_url: `${noting.url}?overtaken` })
  t.match(moved, { status: 409, body: { code: 'conflict' } })
  t.match((await asOwner('GET', at)).body, { tools: [{ name: 'new' }], tools_status: 'fresh' })
})

t.test('what was deleted is gone, with its tools', async (t) => {
  const { body, at } = await create()
  const { status, text } = await asOwner('DELETE', at)
  t.equal(status, 204)
  t.equal(text, '')
  for (const method of ['GET', 'PATCH', 'DELETE'] as const)
    t.match(await asOwner(method, at, method === 'PATCH' ? {} : undefined), {
      status: 404,
      body: { code: 'not_found' }
    })
  t.equal((await asOwner('POST', `${at}/refresh-tools`)).status, 404)
  const left = await resources.db.selectFrom('tool').selectAll().where('provider_id', '=', body.id).execute()
  t.same(left, [])
})

const storedCredentials = async (id: string) => {
  const row = await providerStore(resources.db).find(owner.tenant_id, id)
  return row && (await openProvider(resources.vault, row)).settings.authentication
}

t.test('stored secrets do not follow a provider to another server', async (t) => {
  const key = secret()
  const { body, at } = await create({ headers: { 'x-key': key } })
  for (const headers of [undefined, body.masked_headers]) {
    const { status, body: refused } = await asOwner('PATCH', at, { server_url: elsewhere.url, headers })
    t.equal(status, 400)
    t.match(refused, { code: 'invalid_request', details: [{ path: 'headers' }] })
  }
  t.equal(elsewhere.seen.length, 0, 'nothing was sent there')
  t.equal((await asOwner('PATCH', at, { server_url: `${noting.url}/within` })).status, 200, 'the same server is fine')
  t.equal((await asOwner('PATCH', at, { server_url: elsewhere.url, headers: null })).status, 200, 'and so is without')
})
