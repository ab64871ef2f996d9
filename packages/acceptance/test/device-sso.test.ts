import { at, callTool, signInAs, textAt, withToken } from '@onbehalf/acceptance'
import { createBrowser, type Page, people, recordSecrets, signIn } from '@onbehalf/testkit'
import t from 'tap'
import { startTestPlatform } from './platform.ts'

const partner = { sub: 'petra', email: 'petra@partner.test', email_verified: true, name: 'Petra Partner' }
const namesake = { ...partner, sub: 'ann-2', email: people.user.email.toUpperCase() }
const platform = await startTestPlatform(t, 'device-sso', { moreUsers: [partner, namesake] })
const { publicUrl } = platform
const device = `${publicUrl}/openapi/v1/oauth/device`
const terminal = withToken(platform, undefined)

/** A device asks, and its user goes to the IdP and back, as far as the address of the page. */
const identify = async (login: string) => {
  const client = { client_id: 'onbehalf', device_label: 'partner laptop' }
  const { body } = await terminal.send('POST', '/openapi/v1/oauth/device/code', { ...client, tenant: 'acme' })
  const codes = { device_code: textAt(body, 'device_code'), user_code: textAt(body, 'user_code') }
  const browser = createBrowser()
  t.teardown(browser.close)
  const follow = (to: URL) => to.pathname !== '/device'
  const page = await signIn(browser, `${device}/sso-initiate?user_code=${codes.user_code}`, { login, follow })
  for (const { url } of page.hops) recordSecrets([new URL(url).searchParams.get('sso_assertion') ?? ''].filter(Boolean))
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
