import type { Role } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { until } from '@onbehalf/testkit'
import type { SignedIn } from '@onbehalf/testkit/players'
import t from 'tap'
import { publicUrl, refusalOf, startService } from '../start.ts'
import { startPlayed } from './played.ts'
import { openSteps } from './steps.ts'

const played = await startPlayed(t)
const service = await startService(t, { allow: [played.address] })
const { app, as, broker } = service
const steps = await openSteps(t, service, played.url)
const { register, connectPlayed, comeBack, freshFor, freshBy, credentialsOf } = steps

const admin = await broker.signIn({ role: 'admin' })
const { tenant_id } = admin
const external = () => broker.signIn({ tenant_id, role: null })

const pageFor = async ({ headers }: SignedIn, id: string) => {
  const { statusCode: status, body } = await app.inject({ url: `/oauth/connect/${id}`, headers })
  return { status, body }
}
/** Goes on from that page to the authorization server. */
const leave = async ({ headers }: SignedIn, id: string) => {
  const form = { ...headers, 'content-type': 'application/x-www-form-urlencoded' }
  const left = await app.inject({ method: 'POST', url: '/oauth/connect', headers: form, payload: `id=${id}` })
  const cookies = left.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
  return { status: left.statusCode, cookies, body: left.body, to: String(left.headers.location ?? '') }
}
const bring = ({ to, cookies }: { to: string; cookies: string }) => {
  const asked = new URL(to).searchParams
  return comeBack(new URL(`${asked.get('redirect_uri')}?code=c&state=${asked.get('state')}`), cookies)
}
/** An app that acts for somebody, as tool-invoker shows it. */
const appFor = async ({ user_id }: SignedIn, role: { user_role?: Role | null } = {}) => {
  const { app_id } = broker.makeApiKey({ tenant_id })
  const credential = { kind: 'api_key' as const, id: app_id }
  const scopes = ['tools:call']
  const ticket = await broker.ticketFor({ kind: 'app', tenant_id, app_id, user_id, ...role, scopes, credential })
  return { ...admin, ticket }
}

t.test('a provider that is not for external users gives them nothing', async (t) => {
  const { id, identifier, at } = await register(admin)
  await connectPlayed(admin, id)
  const eva = await external()
  const ticket = await steps.ticketFor(admin, identifier)
  t.match(await refusalOf(freshBy(eva, ticket)), { code: 'not_found' })
  t.equal((await as(admin)('PATCH', at, { external: true })).status, 200)
  const [forEva, forMember] = [await appFor(eva, { user_role: null }), await appFor(admin, { user_role: 'admin' })]
  t.ok(await freshBy(eva, ticket))
  t.ok(await steps.ticketFor(forEva, identifier))
  const forwarding = { forward_user_identity: true, identity_mode: 'idp_token' }
  for (const change of [{ external: false }, forwarding]) {
    t.equal((await as(admin)('PATCH', at, change)).status, 200)
    t.match(
      await refusalOf(steps.ticketFor(forEva, identifier)),
      { code: 'policy_denied', message: /mark the provider as external/ },
      'nor an app that acts for them, with whichever identity'
    )
    t.match(await refusalOf(freshBy(forEva, ticket)), { code: 'policy_denied' })
    t.ok(await steps.ticketFor(forMember, identifier))
  }
  t.equal((await as(admin)('PATCH', at, { external: true, forward_user_identity: false })).status, 200)
  t.match(await pageFor(eva, id), { status: 403, body: /only an owner or admin/ }, 'nor do they connect it for others')
  t.equal((await leave(eva, id)).status, 403)
})

t.test('an external user for whom an app acts connects for themselves what is marked for them', async (t) => {
  const { id, identifier } = await register(admin, { auth_scope: 'user', external: true })
  const [eva, other] = [await external(), await external()]
  const acting = await appFor(eva)
  await connectPlayed(admin, id)
  t.match(await refusalOf(freshFor(acting, identifier)), {
    ...{ code: 'upstream_authorization_required' },
    extras: { authorize_url: `${publicUrl}/oauth/connect/${id}` }
  })
  t.match(await pageFor(eva, id), { status: 200, body: /used for your own calls and for nobody else/ })
  const left = await leave(eva, id)
  t.equal(left.status, 303, left.body)
  t.match(await bring(left), { status: 200, text: /is connected/ })
  const held = await freshFor(acting, identifier)
  t.ok(held)
  t.same(await freshFor(eva, identifier), held)
  t.match(await refusalOf(freshFor(other, identifier)), { code: 'upstream_authorization_required' })
  t.not((await freshFor(admin, identifier))?.id, held?.id)
})

t.test('an external user sees what they authorized, and takes it back, as members do', async (t) => {
  const { id, identifier, at } = await register(admin, { auth_scope: 'user', external: true })
  const [eva, other] = [await external(), await external()]
  const own = `${at}/authorization`
  t.match((await as(eva)('GET', own)).body, { auth_scope: 'user', status: 'none' })
  for (const one of [eva, other]) t.equal((await bring(await leave(one, id))).status, 200)
  const held = await freshFor(eva, identifier)
  t.match((await as(eva)('GET', own)).body, { status: 'authorized', issuer: played.origin })
  const { cookie } = eva
  t.match((await app.inject({ method: 'DELETE', url: own, headers: { cookie } })).json(), { code: 'csrf_rejected' })
  played.revocations.length = 0
  t.equal((await as(eva)('DELETE', own)).status, 204)
  t.match((await as(eva)('GET', own)).body, { status: 'none', issuer: null })
  t.match(await refusalOf(freshFor(eva, identifier)), { code: 'upstream_authorization_required' })
  await until(() => played.revocations.length > 0)
  t.ok(held && (await freshFor(other, identifier)), "and another one's is left")
  const { body } = await as(admin)('GET', `/v1/audit/providers?subject_id=${id}&action=credential.revoked`)
  t.match(body.data, [{ actor: { kind: 'user', id: eva.user_id }, details: { holder: 'user' } }])
})

t.test('what they authorized is for nobody from the moment that the provider is not for them', async (t) => {
  const { id, identifier, at } = await register(admin, { auth_scope: 'user', external: true })
  const [eva, member] = [await external(), await broker.signIn({ tenant_id })]
  await bring(await leave(eva, id))
  await connectPlayed(member, id)
  const [forEva, forMember] = [await appFor(eva), await appFor(member)]
  const [held, ofMember] = [await freshFor(forEva, identifier), await freshFor(forMember, identifier)]
  t.ok(held)
  t.equal((await as(admin)('PATCH', at, { external: false })).status, 200)
  await steps.dueNow(id)
  const asked = played.tokens.length
  const refused = { code: 'policy_denied', message: /An administrator can mark the provider as external/ }
  t.match(await refusalOf(freshFor(forEva, identifier)), refused)
  t.equal(played.tokens.length, asked, 'nor is it renewed')
  t.equal((await freshFor(forMember, identifier))?.id, ofMember?.id, "a member's goes on")
  broker.changeRole(member.user_id, null)
  t.match(await refusalOf(freshFor(forMember, identifier)), refused, 'until they are none')
  broker.failFindUser(new ReportedError('unavailable', 'Away.'))
  t.match(
    await refusalOf(freshFor(forEva, identifier)),
    { code: 'unavailable' },
    'nor where nobody can say who they are'
  )
  t.equal((await as(admin)('PATCH', at, { external: true })).status, 200)
  t.equal((await freshFor(forEva, identifier))?.id, held?.id, 'marked again, it is theirs as before')
})

t.test('they take it back also where the provider is not for them any more, and see nothing else', async (t) => {
  const { id, at } = await register(admin, { auth_scope: 'user', external: true })
  const [eva, other] = [await external(), await external()]
  const own = `${at}/authorization`
  await bring(await leave(eva, id))
  t.equal((await as(admin)('PATCH', at, { external: false })).status, 200)
  t.match(await as(eva)('GET', own), { status: 200, body: { status: 'authorized' } })
  t.match(await as(other)('GET', own), { status: 404, body: { message: /An administrator can open one/ } })
  t.equal((await as(other)('DELETE', own)).status, 404)
  t.equal((await as(eva)('DELETE', own)).status, 204)
  t.match(await credentialsOf(id), [{ dead_reason: 'revoked' }])
  const shared = await register(admin, { external: true })
  await connectPlayed(admin, shared.id)
  for (const method of ['GET', 'DELETE'] as const)
    t.match(await as(eva)(method, `${shared.at}/authorization`), { status: 403 }, "the tenant's is not theirs")
  t.match(await credentialsOf(shared.id), [{ dead_reason: null }])
})

t.test('the page has a button that takes it back, for whose it is, and no other page presses it', async (t) => {
  const { id, identifier, at } = await register(admin, { auth_scope: 'user', external: true })
  const [eva, other] = [await external(), await external()]
  const press = async ({ headers }: { headers: Record<string, string> }) => {
    const form = { ...headers, 'content-type': 'application/x-www-form-urlencoded' }
    const payload = `id=${id}&decision=disconnect`
    const { statusCode: status, body } = await app.inject({
      method: 'POST',
      url: '/oauth/connect',
      headers: form,
      payload
    })
    return { status, body }
  }
  t.notMatch((await pageFor(eva, id)).body, /Disconnect/, 'nothing is connected yet')
  for (const one of [eva, other]) await bring(await leave(one, id))
  t.match(await pageFor(eva, id), { status: 200, body: /Disconnect/ })
  t.match(await press({ headers: { cookie: eva.cookie } }), { status: 403, body: /Nothing was changed/ })
  t.ok(await freshFor(eva, identifier))
  played.revocations.length = 0
  t.match(await press(eva), { status: 200, body: /is disconnected/ })
  t.match(await refusalOf(freshFor(eva, identifier)), { code: 'upstream_authorization_required' })
  await until(() => played.revocations.length > 0)
  t.match(await press(eva), { status: 200, body: /is disconnected/ }, 'once more changes nothing')
  t.ok(await freshFor(other, identifier), "and another one's is left")
  const { body } = await as(admin)('GET', `/v1/audit/providers?subject_id=${id}&action=credential.revoked`)
  t.match(body.data, [{ actor: { kind: 'user', id: eva.user_id }, details: { holder: 'user' } }])
  t.equal(body.data.length, 1)

  t.equal((await as(admin)('PATCH', at, { external: false })).status, 200)
  t.match(await pageFor(other, id), { status: 200, body: /not open to you any more.*Disconnect/s })
  t.match(await press(other), { status: 200, body: /is disconnected/ })
  t.match(await pageFor(other, id), { status: 200, body: /is disconnected/ })
  t.equal((await press(await external())).status, 404)
})

t.test('who is gone, or is not meant any more, when they are back brings nothing', async (t) => {
  const { id, at } = await register(admin, { auth_scope: 'user', external: true })
  const [gone, late] = [await external(), await external()]
  const [ofGone, ofLate] = [await leave(gone, id), await leave(late, id)]
  broker.changeRole(gone.user_id, undefined)
  t.match(await bring(ofGone), { status: 400, text: /Only a member can.*Ask an administrator/ })
  t.equal((await as(admin)('PATCH', at, { external: false })).status, 200)
  t.match(await bring(ofLate), { status: 400, text: /Only a member/ })
  t.same(await credentialsOf(id), [])
})

t.test(
  'where the provider is not for them, they and the app that acts for them are told what would help',
  async (t) => {
    const { id, identifier } = await register(admin, { auth_scope: 'user' })
    await connectPlayed(admin, id)
    const eva = await external()
    t.match(await refusalOf(freshFor(await appFor(eva), identifier)), {
      ...{ code: 'policy_denied', message: /An administrator can mark the provider as external/ }
    })
    const [there, nowhere] = [await pageFor(eva, id), await pageFor(eva, admin.user_id)]
    t.match(there, { status: 404, body: /An administrator can open one to external users/ })
    t.match(
      nowhere,
      { status: 404, body: /An administrator can open one to external users/ },
      'whether it exists or not'
    )
    t.equal((await leave(eva, id)).status, 404)
    const member = await broker.signIn({ tenant_id })
    t.match(await refusalOf(freshFor(await appFor(member), identifier)), { code: 'upstream_authorization_required' })
  }
)
