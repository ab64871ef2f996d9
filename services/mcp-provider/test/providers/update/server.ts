import { randomUUID } from 'node:crypto'
import t from 'tap'
import type { Setting } from './setting.ts'

/** What decides where and how the server is reached. */
export const testServer = ({
  resources,
  noting,
  elsewhere,
  owner,
  asOwner,
  secret,
  create,
  sentBy,
  storedCredentials
}: Setting): void => {
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
}
