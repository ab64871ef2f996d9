import { issueToken, resolveApiKey } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { createBrowser, randomPassword, recordSecrets } from '@onbehalf/testkit'
import { mask } from '@onbehalf/vault'
import t from 'tap'
import { playIdp } from '../played-idp.ts'
import { encode, startSaml, url } from '../saml/start.ts'

const played = await playIdp(t)
const saml = await startSaml(t, [played.port])
const { broker, send, owner, database, stored, begin, post, goOn, answerFor } = saml
const { publicUrl } = broker
const provider = broker.register('http://127.0.0.1:9/mcp', { server_identifier: 'tools' })
const signed = broker.register('http://127.0.0.1:9/signed', { server_identifier: 'signed', mode: 'signed' })

const client_secret = randomPassword()
recordSecrets([client_secret])
const startOf = (name: string) => `${publicUrl}/auth/sign-in?tenant=acme&connection=${name}&return_to=/auth/me`
const all = async (sql: string, values: unknown[]) => (await database.query(sql, values)).rows
const create = async (given: object) => {
  const { status, body } = await send(owner, 'POST', url, given)
  if (status !== 201) throw new Error(JSON.stringify(body))
  return body
}
const plain = () =>
  create({
    ...{
      name: 'plain',
      kind: 'oauth2',
      client_id: 'onbehalf',
      client_secret,
      scopes: 'read',
      resource_support: 'many'
    },
    authorization_endpoint: `${played.issuer}/auth`,
    token_endpoint: `${played.issuer}/token`,
    userinfo_endpoint: `${played.issuer}/userinfo`,
    revocation_endpoint: `${played.issuer}/revoke`
  })
const bySaml = () => create({ ...saml.given(), name: 'by-saml' })

/** Somebody is signed in, and somebody else on the way back from the IdP, who goes on by `comeBack`. */
const signInByBoth = {
  plain: async () => {
    const browser = createBrowser()
    const me = JSON.parse((await browser.visit(startOf('plain'))).body)
    const late = createBrowser()
    const waiting = await late.visit(startOf('plain'), { follow: (to) => !to.pathname.startsWith('/auth/callback') })
    return { browser, me, comeBack: async () => late.visit(String(waiting.headers.location)) }
  },
  'by-saml': async () => {
    const begun = await begin('by-saml')
    const me = JSON.parse((await goOn(begun.browser, await post(begun, encode(answerFor(begun))))).body)
    const late = await begin('by-saml')
    return { browser: begun.browser, me, comeBack: () => post(late, encode(answerFor(late))) }
  }
}

const within = () => ({ deadlineAt: Date.now() + 20_000 })
const actAs = (user_id: string) =>
  call(broker.bus, resolveApiKey, { key_hash: hashOf(broker.apiKey), user_id }, within())

await t.test('connections of every kind are listed and read alike, and what is secret is masked', async (t) => {
  const made = [await plain(), await bySaml()]
  const { status, body: page } = await send(owner, 'GET', url)
  t.equal(status, 200)
  t.same(
    page.data.map(({ kind }: { kind: string }) => kind),
    ['oidc', 'oauth2', 'saml']
  )
  t.same(page.data.slice(1), made)
  for (const one of made) t.same(await send(owner, 'GET', `${url}/${one.id}`), { status: 200, body: one }, one.name)
  t.match(made, [
    { client_secret: mask(client_secret), userinfo_endpoint: `${played.issuer}/userinfo`, saml: null },
    { client_secret: null, userinfo_endpoint: null, saml: { entry_point: saml.entry_point } }
  ])
  t.notMatch(JSON.stringify([page, made]), client_secret)
  t.notMatch(JSON.stringify([page, made]), /PRIVATE KEY/)
})

const addresses = {
  plain: ['/auth/connections/acme/plain/jwks.json'],
  'by-saml': ['/auth/saml/acme/by-saml/metadata']
}
for (const name of ['plain', 'by-saml'] as const)
  await t.test(`"${name}" deleted: nobody signs in by it, and what came by it has ended`, async (t) => {
    const { body: page } = await send(owner, 'GET', url)
    const { id } = page.data.find((one: { name: string }) => one.name === name)
    const { browser, me, comeBack } = await signInByBoth[name]()
    const { ticket } = await actAs(me.user.id)
    const grants = await all('select id from identity_broker."grant" where connection_id = $1', [id])
    t.equal(grants.length, name === 'plain' ? 1 : 0, 'SAML leaves none')

    t.equal((await send(owner, 'DELETE', `${url}/${id}`)).status, 204)
    for (const method of ['GET', 'DELETE']) {
      const gone = await send(owner, method, `${url}/${id}`)
      t.match([gone.status, gone.body?.message], [404, 'There is no such connection.'], method)
    }
    const before = await stored()
    played.seen.length = 0
    const start = await createBrowser().visit(startOf(name))
    t.match([start.status, start.body], [404, /There is no such place to sign in\./])
    for (const path of addresses[name]) t.equal((await createBrowser().visit(`${publicUrl}${path}`)).status, 404, path)
    const late = await comeBack()
    t.match([late.status, late.body], [400, /changed meanwhile/], 'who was on the way')

    t.equal((await browser.visit(`${publicUrl}/auth/me`)).status, 401, 'their session is over')
    t.same(await all('select id from identity_broker."grant" where connection_id = $1', [id]), [])
    t.same((await send(owner, 'GET', `/v1/grants?user_id=${me.user.id}`)).body.data, [])
    const refused = { code: 'no_refresh_token', message: /Nobody signed in as this user yet/ }
    await t.rejects(actAs(me.user.id), refused)
    for (const server of [provider, signed]) {
      const asked = { principal: ticket, provider: await broker.mcpProvider.ticketFor(server) }
      await t.rejects(call(broker.bus, issueToken, asked, within()), refused, 'nor with a ticket from before')
    }
    t.same(played.seen, [], 'and nothing is sent to its IdP')
    t.equal(await stored(), before)
  })
