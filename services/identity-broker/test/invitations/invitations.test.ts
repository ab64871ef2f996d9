import { randomUUID } from 'node:crypto'
import { createBrowser, recordSecrets, signIn, untilLocked } from '@onbehalf/testkit'
import { Client } from 'pg'
import t from 'tap'
import { apiOf } from '../api.ts'
import { logins, type SignedIn, signInAs, startBroker } from '../start.ts'

const guest = (sub: string, more: object = {}) => ({
  ...{ sub, name: sub, email: `${sub}@Guests.example`, email_verified: true },
  ...more
})
const broker = await startBroker(t, {
  users: [
    ...['gail', 'gina', 'guy', 'gus', 'gwen', 'other'].map((sub) => guest(sub)),
    guest('unverified', { email_verified: false })
  ]
})
const connect = async () => {
  const client = new Client({ connectionString: broker.backends.adminDatabaseUrl })
  await client.connect()
  return client
}
const database = await connect()
t.teardown(() => database.end())
const send = apiOf(broker)
const owner = await signInAs(broker, logins.owner)
const user = await signInAs(broker, logins.user)
const stranger = await signInAs(broker, logins.owner, 'globex')
const url = '/v1/invitations'

const invite = async (email: string, more: object = {}, who: SignedIn = owner) => {
  const answer = await send(who, 'POST', url, { email, role: 'member', ...more })
  if (answer.status === 201) recordSecrets([answer.body.link.split('/').at(-1)])
  return answer
}
const linkFor = async (email: string, more: object = {}): Promise<string> => (await invite(email, more)).body.link
const stored = async () => {
  const { rows } = await database.query(`
    select (select count(*)::int from identity_broker."user") as users,
      (select count(*)::int from identity_broker."grant") as grants,
      (select count(*)::int from identity_broker.session) as sessions,
      (select count(*)::int from identity_broker.member) as members,
      (select count(*)::int from identity_broker.invitation where accepted_at is not null) as accepted`)
  return rows[0]
}
/** Opens the link, presses the button, signs in. */
const accept = async (link: string, login: string, browser = createBrowser()) => {
  const page = await browser.visit(link)
  const [, href = ''] = /href="([^"]+)"/.exec(page.body) ?? []
  const landed = await signIn(browser, new URL(href.replaceAll('&amp;', '&'), broker.publicUrl), { login })
  return { browser, page, landed, me: () => browser.visit(`${broker.publicUrl}/auth/me`) }
}
const statusOf = async (id: string): Promise<string> =>
  (await send(owner, 'GET', url)).body.data.find((one: { id: string }) => one.id === id).status

await t.test('the person who is invited joins by the link, once, whatever the case of the e-mail', async (t) => {
  const { status, body } = await invite('GAIL@guests.Example', { role: 'admin' })
  t.match([status, body.status, body.role], [201, 'pending', 'admin'])
  const days = (Date.parse(body.expires_at) - Date.parse(body.created_at)) / 86_400_000
  t.ok(Math.abs(days - 7) < 0.01)
  const opened = await createBrowser().visit(body.link)
  t.match(opened.body, /Join Acme/)
  t.notMatch(opened.body, /<script/)
  t.match(opened.headers, { 'x-frame-options': 'DENY', 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
  t.equal(await statusOf(body.id), 'pending', 'opening it changes nothing')
  const { landed, me, browser } = await accept(body.link, 'gail')
  t.match(landed.body, /You are a member now/)
  const { user: gail, role } = JSON.parse((await me()).body)
  t.equal(role, 'admin')
  t.match((await send(owner, 'GET', url)).body.data[0], { id: body.id, status: 'accepted', accepted_by: gail.id })
  const again = await browser.visit(body.link)
  t.match([again.status, again.body], [404, /accepted already/])
  const { body: audit } = await send(owner, 'GET', `/v1/audit/identity?actor_id=${gail.id}`)
  const joined = audit.data.filter(({ action }: { action: string }) => !action.startsWith('session.'))
  t.match(joined, [
    { action: 'invitation.accepted', subject: { id: body.id }, request_id: String },
    { action: 'member.joined', subject: { id: gail.id }, details: { by: 'invitation', role: 'admin' } }
  ])
})

await t.test('for anybody else it ends on a page that says why, and nothing is stored', async (t) => {
  const link = await linkFor('gina@guests.example')
  const before = await stored()
  const rows = [
    ['other', link, /another e-mail address/],
    ['unverified', await linkFor('unverified@guests.example'), /does not confirm your e-mail/]
  ] as const
  for (const [login, at, words] of rows) {
    const { landed, me } = await accept(at, login)
    t.match([landed.status, landed.body], [400, words], login)
    t.equal((await me()).status, 401, 'nobody is signed in')
  }
  t.same(await stored(), before)
  t.match((await accept(link, 'gina')).landed.body, /You are a member now/, 'it is still good for the right person')
})

await t.test('one that expired, was taken back or never was is said so, at every step', async (t) => {
  const revoked = await invite('gus@guests.example')
  const expired = await invite('gus@guests.example')
  const open = createBrowser()
  const inTime = await open.visit(expired.body.link)
  t.equal((await send(owner, 'DELETE', `${url}/${revoked.body.id}`)).status, 204)
  t.equal((await send(owner, 'DELETE', `${url}/${revoked.body.id}`)).status, 204, 'again changes nothing')
  await database.query('update identity_broker.invitation set expires_at = now() where id = $1', [expired.body.id])
  t.same([await statusOf(revoked.body.id), await statusOf(expired.body.id)], ['revoked', 'expired'])
  const before = await stored()
  const pages = [
    [revoked.body.link, /taken back/],
    [expired.body.link, /has expired/],
    [`${broker.publicUrl}/auth/invitations/obi_${'A'.repeat(43)}`, /no such invitation/]
  ] as const
  for (const [link, words] of pages) {
    const page = await createBrowser().visit(link)
    t.match([page.status, page.body], [404, words])
  }
  const [, href = ''] = /href="([^"]+)"/.exec(inTime.body) ?? []
  const late = await open.visit(new URL(href.replaceAll('&amp;', '&'), broker.publicUrl))
  t.match([late.status, late.body], [404, /has expired/], 'also behind the button')
  t.same(await stored(), before)
})

await t.test('one that is taken back while its person is at the IdP does not hold', async (t) => {
  const { body } = await invite('gus@guests.example')
  const browser = createBrowser()
  const page = await browser.visit(body.link)
  const [, href = ''] = /href="([^"]+)"/.exec(page.body) ?? []
  const start = new URL(href.replaceAll('&amp;', '&'), broker.publicUrl)
  const away = await signIn(browser, start, { login: 'gus', follow: (to) => !to.pathname.startsWith('/auth/callback') })
  await send(owner, 'DELETE', `${url}/${body.id}`)
  const before = await stored()
  const back = await browser.visit(String(away.headers.location))
  t.match([back.status, back.body], [400, /does not hold any more/])
  t.same(await stored(), before)
})

await t.test('two who come with one invitation at once: one joins, and the other finds it used', async (t) => {
  const { body } = await invite('gwen@guests.example')
  const browsers = [createBrowser(), createBrowser()]
  const comeBack = await Promise.all(
    browsers.map(async (browser) => {
      const [, href = ''] = /href="([^"]+)"/.exec((await browser.visit(body.link)).body) ?? []
      const start = new URL(href.replaceAll('&amp;', '&'), broker.publicUrl)
      const follow = (to: URL) => !to.pathname.startsWith('/auth/callback')
      const away = await signIn(browser, start, { login: 'gwen', follow })
      return () => browser.visit(String(away.headers.location))
    })
  )
  const holder = await connect()
  await holder.query('begin')
  await holder.query('select from identity_broker.invitation where id = $1 for update', [body.id])
  const both = Promise.all(comeBack.map((visit) => visit()))
  await untilLocked(database, 2)
  await holder.query('commit')
  await holder.end()
  const bodies = (await both).map((page) => page.body)
  t.equal(bodies.filter((text) => /You are a member now/.test(text)).length, 1)
  t.equal(bodies.filter((text) => /does not hold any more/.test(text)).length, 1)
})

await t.test('nobody gives more than they may: not when they invite, and not when they may no longer', async (t) => {
  t.equal((await invite('x@guests.example', {}, user)).status, 403)
  await send(owner, 'PATCH', `/v1/members/${user.userId}`, { role: 'admin' })
  const refused = { status: 403, body: { code: 'forbidden', details: [{ path: 'role' }] } }
  t.match(await invite('x@guests.example', { role: 'admin' }, user), refused)
  t.match(await invite('x@guests.example', { role: 'owner' }, user), refused)
  await send(owner, 'PATCH', `/v1/members/${user.userId}`, { role: 'owner' })
  const { body } = await invite('guy@guests.example', { role: 'owner' }, user)
  recordSecrets([body.link.split('/').at(-1)])
  await send(owner, 'PATCH', `/v1/members/${user.userId}`, { role: 'admin' })
  t.match((await accept(body.link, 'guy')).landed.body, /does not hold any more/)
})

await t.test('it raises a member and lowers nobody', async (t) => {
  const link = await linkFor('olivia@acme.test')
  t.match((await accept(link, logins.owner)).landed.body, /You are a member now/)
  t.equal((await send(owner, 'GET', `/v1/members/${owner.userId}`)).body.role, 'owner')
  await accept(await linkFor('cem@acme.test', { role: 'admin' }), logins.second)
  const { body } = await send(owner, 'GET', '/v1/members?search=cem')
  t.match(body.data, [{ role: 'admin' }])
})

await t.test('bad input names its field; other tenants’ invitations do not exist; the list has no token', async (t) => {
  const rows = [
    ['email', { email: 'nobody' }],
    ['role', { role: 'king' }],
    ['expires_at', { expires_at: 'tomorrow' }],
    ['expires_at', { expires_at: '2020-01-01T00:00:00Z' }],
    ['expires_at', { expires_at: new Date(Date.now() + 31 * 86_400_000).toISOString() }],
    ['note', { note: 'x' }]
  ] as const
  for (const [path, wrong] of rows)
    t.match(await invite('a@b.example', wrong), { status: 400, body: { details: [{ path }] } }, path)
  const { body } = await invite('late@guests.example')
  t.equal((await send(stranger, 'DELETE', `${url}/${body.id}`)).status, 404)
  t.equal((await send(owner, 'DELETE', `${url}/${randomUUID()}`)).status, 404)
  t.same((await send(stranger, 'GET', url)).body.data, [])
  const first = await send(owner, 'GET', `${url}?limit=1`)
  const second = await send(owner, 'GET', `${url}?limit=1&cursor=${first.body.next_cursor}`)
  t.not(first.body.data[0].id, second.body.data[0].id)
  t.notMatch(JSON.stringify(first.body), /link|token|obi_/)
  const { rows: all } = await database.query('select * from identity_broker.invitation')
  t.notMatch(JSON.stringify(all), /obi_/, 'only the hash of a link rests')
})
