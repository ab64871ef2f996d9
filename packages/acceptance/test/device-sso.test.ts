import { at, callTool, inBrowser, signInAs, textAt, withToken } from '@onbehalf/acceptance'
import { type Browser, createBrowser, freePort, type Page, people, recordSecrets, signIn } from '@onbehalf/testkit'
import { assertionOf, makeCertificate, readRequest, responseOf, sign, usual } from '@onbehalf/testkit/saml'
import t from 'tap'
import { startTestPlatform } from './platform.ts'

const partner = { sub: 'petra', email: 'petra@partner.test', email_verified: true, name: 'Petra Partner' }
const namesake = { ...partner, sub: 'ann-2', email: people.user.email.toUpperCase() }
const samlPort = await freePort()
const platform = await startTestPlatform(t, 'device-sso', { moreUsers: [partner, namesake], allowedPorts: [samlPort] })
const { publicUrl } = platform
const device = `${publicUrl}/openapi/v1/oauth/device`
const terminal = withToken(platform, undefined)

const startDevice = async () => {
  const client = { client_id: 'onbehalf', device_label: 'partner laptop' }
  const { body } = await terminal.send('POST', '/openapi/v1/oauth/device/code', { ...client, tenant: 'acme' })
  return { device_code: textAt(body, 'device_code'), user_code: textAt(body, 'user_code') }
}

const recordAssertions = ({ hops }: Page): void => {
  for (const { url } of hops) recordSecrets([new URL(url).searchParams.get('sso_assertion') ?? ''].filter(Boolean))
}

/** A device asks, and its user goes to the IdP and back, as far as the address of the page. */
const identify = async (login: string) => {
  const codes = await startDevice()
  const browser = createBrowser()
  t.teardown(browser.close)
  const follow = (to: URL) => to.pathname !== '/device'
  const page = await signIn(browser, `${device}/sso-initiate?user_code=${codes.user_code}`, { login, follow })
  recordAssertions(page)
  return { ...codes, browser, page }
}

const locationOf = ({ headers }: Page) => String(headers.location)
const pollFor = (device_code: string) =>
  terminal.send('POST', '/openapi/v1/oauth/device/token', { client_id: 'onbehalf', device_code })

await t.test('somebody who is no member signs a device in at the IdP, from the code to the call', async (t) => {
  const { device_code, user_code, browser, page } = await identify(partner.sub)
  t.equal(locationOf(page), `${publicUrl}/device?sso_verified=1`)
  const paths = page.hops.map(({ url }) => new URL(url)).filter(({ origin }) => origin === publicUrl)
  t.same(
    paths.map(({ pathname }) => pathname),
    ['sso-initiate', '', 'sso-complete'].map((one) =>
      one ? `/openapi/v1/oauth/device/${one}` : '/auth/callback/acme/sso'
    )
  )
  const cookies = Object.keys(browser.cookies.all(new URL('/auth', publicUrl)))
  t.same(cookies, ['onbehalf_device_approval'], 'no session was made')
  const context = (await browser.visit(`${device}/approval-context`)).json()
  t.match(context, { subject_email: partner.email, subject_issuer: platform.idp.issuer, user_code })
  const csrf = textAt(context, 'csrf_token')
  recordSecrets([csrf])
  const headers = { 'x-csrf-token': csrf, origin: publicUrl }
  const approved = await browser.visit(`${device}/approve-external`, { headers, json: { user_code } })
  t.match([approved.status, approved.json()], [200, { status: 'approved' }])

  const { status, body } = await pollFor(device_code)
  t.equal(status, 200, JSON.stringify(at(body, 'error')))
  const token = textAt(body, 'token')
  recordSecrets([token])
  t.match(body, { token: /^dfoe_/, subject_type: 'external_sso', subject_email: partner.email, account: null })
  const external = withToken(platform, token)
  t.match(await external.send('GET', '/openapi/v1/account'), { status: 200 })
  t.match(await external.send('GET', '/v1/mcp-providers'), { status: 403 }, 'it calls tools and nothing else')
  t.match(await callTool(external, 'nothing', 'nothing'), { status: 404 })
})

await t.test('in a browser they connect what is marked for them, and find nothing else', async (t) => {
  const owner = await signInAs(platform, people.owner.login)
  const given = { name: 'Shared', server_identifier: 'shared', auth_scope: 'user', external: true }
  const { body } = await owner.send('POST', '/v1/mcp-providers', { ...given, server_url: platform.whoami.url })
  const connect = `/oauth/connect/${textAt(body, 'id')}`
  const browser = createBrowser()
  t.teardown(browser.close)
  const begin = `${publicUrl}/auth/sign-in?tenant=acme&return_to=${connect}`
  const page = await signIn(browser, begin, { login: partner.sub })
  t.match([page.status, page.body], [200, /Shared is connected/])
  await owner.send('PATCH', `/v1/mcp-providers/${textAt(body, 'id')}`, { external: false })
  const closed = await browser.visit(`${publicUrl}${connect}`)
  t.match([closed.status, closed.body], [404, /An administrator can open one to external users/])
})

await t.test('a member, and who has the e-mail of one, are turned away', async (t) => {
  for (const login of [people.user.login, namesake.sub]) {
    const { page, browser } = await identify(login)
    t.equal(locationOf(page), `${publicUrl}/device?sso_error=email_belongs_to_member`)
    const [only, ...others] = Object.keys(browser.cookies.all(new URL('/auth', publicUrl)))
    t.match(only, /^onbehalf_device_sso_/, 'the browser has what it began with, and nothing to act with')
    t.same(others, [])
  }
  const owner = await signInAs(platform, people.owner.login)
  const { body } = await owner.send('GET', '/v1/audit/devices?action=oauth.device_flow_rejected')
  t.equal([at(body, 'data')].flat().length, 2, 'and the owner reads of it')
})

await t.test('at an IdP that speaks SAML, too', async (t) => {
  const owner = await signInAs(platform, people.owner.login)
  const idp = await makeCertificate()
  const entityId = 'https://idp.partner.example/saml'
  const entry_point = `http://127.0.0.1:${samlPort}/sso`
  const saml = { idp_entity_id: entityId, entry_point, certificates: [idp.cert], email_verified: true }
  const connection = { name: 'partners', kind: 'saml', saml }
  t.match(await owner.send('POST', '/v1/connections', connection), { status: 201 })

  const { device_code, user_code } = await startDevice()
  const browser = createBrowser()
  t.teardown(browser.close)
  const toIdp = `${device}/sso-initiate?user_code=${user_code}&connection=partners`
  const left = await browser.visit(toIdp, { follow: false })
  const request = readRequest(locationOf(left))
  t.match([request.destination, request.acs], [entry_point, `${publicUrl}/auth/saml/acme/partners/acs`])
  const said = { ...usual(entityId, request), nameId: 'sam@partner.test' }
  const answer = sign(responseOf(said, assertionOf(said)), idp)
  const form = { SAMLResponse: Buffer.from(answer).toString('base64'), RelayState: request.relayState }
  // The IdP's page posts it from another site, so that no cookie of ours goes along.
  const posted = await createBrowser().visit(request.acs, { form, follow: false })
  t.match([posted.status, posted.headers['set-cookie']], [303, undefined])
  const back = await browser.visit(new URL(locationOf(posted), publicUrl), {
    follow: (to) => to.pathname !== '/device'
  })
  recordAssertions(back)
  t.equal(locationOf(back), `${publicUrl}/device?sso_verified=1`)
  t.same(Object.keys(browser.cookies.all(new URL('/auth', publicUrl))), ['onbehalf_device_approval'])

  const context = (await browser.visit(`${device}/approval-context`)).json()
  t.match(context, { subject_email: 'sam@partner.test', subject_issuer: entityId, user_code })
  const csrf = textAt(context, 'csrf_token')
  recordSecrets([csrf])
  const approved = await browser.visit(`${device}/approve-external`, {
    headers: { 'x-csrf-token': csrf },
    json: { user_code }
  })
  t.equal(approved.status, 200)
  const { body } = await pollFor(device_code)
  recordSecrets([textAt(body, 'token')])
  t.match(body, { token: /^dfoe_/, subject_email: 'sam@partner.test', subject_issuer: entityId })
})

/** Where the page that refuses an approval leads. */
const linkIn = ({ body }: Page) => /class="button" href="([^"]*)"/.exec(body)?.[1]?.replaceAll('&amp;', '&') ?? ''
const decideOn = (browser: Browser, page: Page) => {
  const [form] = page.forms()
  if (!form) throw new Error(`there is nothing to decide: ${page.body.slice(0, 300)}`)
  return browser.submit(page, form, { button: { name: 'decision', value: 'approved' } })
}

await t.test('where a fresh sign-in is wanted, a member is led through one and comes back to the code', async (t) => {
  const owner = await signInAs(platform, people.owner.login)
  const wanted = await owner.send('PATCH', '/v1/device-settings', { approval_max_age: 300 })
  t.match(wanted, { status: 200, body: { approval_max_age: 300 } })
  const { browser } = await signInAs(platform, people.user.login)
  const first = await startDevice()
  const page = await browser.visit(`${publicUrl}/device?user_code=${first.user_code}`)
  t.match([page.status, page.body], [401, /Sign in again first/])
  const back = await signIn(browser, new URL(linkIn(page), publicUrl), { login: people.user.login })
  t.match([back.url, back.status, back.body], [`${publicUrl}/device`, 200, first.user_code])
  t.match((await decideOn(browser, back)).body, /Device signed in/)
  const { status, body } = await pollFor(first.device_code)
  recordSecrets([textAt(body, 'token')])
  t.equal(status, 200)

  const stale = await signInAs(platform, people.user.login)
  const second = await startDevice()
  const refused = await stale.send('POST', '/openapi/v1/oauth/device/approve', { user_code: second.user_code })
  t.match(refused, { status: 401, body: { error: 'insufficient_user_authentication' } })
  const login = people.user.login
  const asked = await signIn(stale.browser, textAt(refused.body, 'connect_url'), { login })
  t.match([asked.url, asked.body], [`${publicUrl}/device`, second.user_code])
  const anew = await inBrowser(platform, stale.browser)
  const denied = { user_code: second.user_code }
  t.match(await anew.send('POST', '/openapi/v1/oauth/device/deny', denied), { status: 200 })
})

await t.test('and so is somebody whom an IdP identifies', async (t) => {
  const { device_code, user_code, browser } = await identify(partner.sub)
  const page = await browser.visit(`${publicUrl}/device`)
  t.match([page.status, page.body], [401, /Sign in again first/])
  const back = await signIn(browser, new URL(linkIn(page), publicUrl), { login: partner.sub })
  recordAssertions(back)
  t.match([back.url, back.status, back.body], [`${publicUrl}/device`, 200, user_code])
  t.match((await decideOn(browser, back)).body, /Device signed in/)
  const { status, body } = await pollFor(device_code)
  recordSecrets([textAt(body, 'token')])
  t.equal(status, 200)
})
