import { createBrowser, type Page, withClient } from '@onbehalf/testkit'
import t from 'tap'
import { apiOf } from '../api.ts'
import { logins, type SignedIn, signInAs, startBroker } from '../start.ts'

const broker = await startBroker(t)
const audience = 'http://127.0.0.1:9/mcp'
broker.register(audience, { server_identifier: 'tools' })
const send = apiOf(broker)
const owner = await signInAs(broker, logins.owner)
const user = await signInAs(broker, logins.user)
const stranger = await signInAs(broker, logins.owner, 'globex')
const url = `${broker.publicUrl}/auth/allowed`

const query = (text: string, ...values: string[]) =>
  withClient(broker.backends.adminDatabaseUrl, (client) => client.query(text, values))
const openPage = (who: SignedIn) => who.browser.visit(url)
const press = (who: SignedIn, page: Page, label: string) =>
  who.browser.submit(
    page,
    page.forms().find(({ buttons }) => buttons.some((one) => one.label === label)),
    { button: { label } }
  )
const grantsOf = async (who: SignedIn) => (await send(who, 'GET', '/v1/grants')).body.data
const linksOf = async (who: SignedIn) => (await send(who, 'GET', '/v1/links')).body.data
const appOf = async (name: string, key: object) => {
  const { body: app } = await send(owner, 'POST', '/v1/apps', { name })
  const made = await send(owner, 'POST', `/v1/apps/${app.id}/keys`, key)
  if (made.status !== 201) throw new Error(`no key of ${name}: ${made.status}`)
  return { ...app, keyId: made.body.id }
}
const linked = await appOf('Notes', { act_for: 'linked' })
const links = [{ external_id: '<b>ann</b> at notes', user_id: user.userId }]
await send(owner, 'POST', '/v1/links/import', { app_id: linked.id, links })
const anybody = await appOf('Acts for any', { act_for: 'any' })
await appOf('Acts for ann', { act_for: 'listed', listed: [user.userId] })
await appOf('Acts for the owner', { act_for: 'listed', listed: [owner.userId] })

await t.test('a person reads who may act as them and where, without a script', async (t) => {
  const { status, body, headers } = await openPage(user)
  t.equal(status, 200)
  t.match(headers, { 'cache-control': 'no-store', 'x-frame-options': 'DENY' })
  t.notMatch(body, /<script/)
  for (const shown of [
    'ann, Acme',
    audience,
    'Notes',
    '&lt;b&gt;ann&lt;/b&gt; at notes',
    'Acts for any',
    'Acts for ann'
  ])
    t.ok(body.includes(shown), shown)
  t.notOk(body.includes('Acts for the owner'), 'who may act for others is not said')
  t.ok(body.includes('platform'), 'nor is a platform that may act for the whole tenant left out')
  const others = await openPage(stranger)
  for (const foreign of ['<h3>Notes', 'Acts for any', 'ann, Acme'])
    t.notOk(others.body.includes(foreign), `${foreign} elsewhere`)
})

await t.test('an app whose key has ended is not shown any more', async (t) => {
  const ended = await send(owner, 'DELETE', `/v1/apps/${anybody.id}/keys/${anybody.keyId}`)
  t.equal(ended.status, 204)
  t.notOk((await openPage(user)).body.includes('Acts for any'))
})

await t.test('one press takes back a link, and one a sign-in, here and at the identity provider', async (t) => {
  const [theirs] = await grantsOf(stranger)
  const unlinked = await press(user, await openPage(user), 'Unlink')
  t.match([unlinked.status, unlinked.url], [200, url])
  t.notMatch(unlinked.body, /Unlink/)
  t.same(await linksOf(user), [])
  const done = await press(user, await openPage(user), 'Take back')
  t.match([done.status, done.body], [200, /Nothing is stored/])
  t.match(await grantsOf(user), [{ status: 'dead', dead_reason: 'revoked' }])
  t.match(await grantsOf(stranger), [{ id: theirs.id, status: 'live' }], 'nobody else lost anything')
  const { body: audit } = await send(owner, 'GET', `/v1/audit/identity?actor_id=${user.userId}&limit=2`)
  t.same(
    audit.data.map(({ action }: { action: string }) => action),
    ['grant.revoked', 'link.removed']
  )
})

await t.test('what has ended hides nothing, and a page that is full says so', async (t) => {
  const other = await signInAs(broker, logins.second)
  await query(
    `insert into identity_broker."grant" (id, tenant_id, user_id, connection_id, resources, issuer, token_endpoint,
        client_id, generation, is_offline, dead_reason)
      select gen_random_uuid(), tenant_id, user_id, connection_id, array['https://ended.example/' || n], issuer, token_endpoint,
        client_id, 1, true, 'revoked' from identity_broker."grant", generate_series(1, 120) as n where user_id = $1`,
    other.userId
  )
  const { body } = await openPage(other)
  t.ok(body.includes('Take back'), 'the living one is there')
  t.notOk(body.includes('https://ended.example/'))
  t.notMatch(body, /There is more than fits here/)
  await query(
    `update identity_broker."grant" set dead_reason = null where user_id = $1 and dead_reason is not null`,
    other.userId
  )
  t.match((await openPage(other)).body, /There is more than fits here/)
  await query(`delete from identity_broker."grant" where user_id = $1 and resources[1] like '%ended%'`, other.userId)
})

await t.test("nobody takes back what is somebody else's, an administrator neither", async (t) => {
  const [theirs] = await grantsOf(stranger)
  const other = await signInAs(broker, logins.second)
  const [mine] = (await grantsOf(other)).filter(({ status }: { status: string }) => status === 'live')
  for (const [who, grant_id] of [
    [owner, theirs.id],
    [owner, mine.id],
    [other, theirs.id]
  ] as const) {
    const { csrf: csrf_token } = who
    const answer = await who.browser.visit(url, { method: 'POST', json: { grant_id, csrf_token } })
    t.match([answer.status, answer.body], [404, /Nothing was taken back now/])
  }
  t.match(await grantsOf(stranger), [{ status: 'live' }])
  t.match(await grantsOf(other), [{ status: 'live' }])
})

await t.test('a form without its token takes nothing back, and says how to go on', async (t) => {
  const other = await signInAs(broker, logins.second)
  const [{ id: grant_id }] = await grantsOf(other)
  const answer = await other.browser.visit(url, { method: 'POST', json: { grant_id } })
  t.match([answer.status, answer.body], [403, /This page was open for a while/])
  t.match(await grantsOf(other), [{ status: 'live' }])
})

await t.test('who is not signed in signs in first, and comes back', async (t) => {
  const browser = createBrowser()
  const first = await browser.visit(url, { follow: false })
  t.match([first.status, first.headers.location], [303, /\/auth\/renew\?return_to=%2Fauth%2Fallowed/])
  await browser.close()
})
