import { issueToken, resolveApiKey } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { createBrowser, randomPassword, recordSecrets, signIn } from '@onbehalf/testkit'
import { decodeJwt } from 'jose'
import t from 'tap'
import { apiOf } from '../api.ts'
import { playIdp } from '../played-idp.ts'
import { logins, signInAs, startBroker } from '../start.ts'

// What a form encodes has to arrive as it is.
const client_secret = `${randomPassword()} +%&=/`
recordSecrets([client_secret])
const played = await playIdp(t)
const broker = await startBroker(t, {
  allow: [played.port],
  clients: (publicUrl) => [
    {
      ...{ client_id: 'with-post', client_secret, token_endpoint_auth_method: 'client_secret_post' },
      redirect_uris: [`${publicUrl}/auth/callback/acme/real-post`]
    },
    {
      ...{ client_id: 'with-none', token_endpoint_auth_method: 'none' },
      redirect_uris: [`${publicUrl}/auth/callback/acme/real-none`]
    }
  ]
})
const send = apiOf(broker)
const owner = await signInAs(broker, logins.owner)
const audience = 'http://127.0.0.1:9/mcp'
const provider = broker.register(audience, { server_identifier: 'tools' })

const methods = { post: { client_secret }, none: {} }
const endpoints = {
  authorization_endpoint: `${played.issuer}/auth`,
  token_endpoint: `${played.issuer}/token`,
  userinfo_endpoint: `${played.issuer}/userinfo`,
  revocation_endpoint: `${played.issuer}/revoke`
}
const kinds = { oidc: { scopes: 'openid offline_access' }, oauth2: { kind: 'oauth2', scopes: 'read', ...endpoints } }

const create = async (given: object) => {
  const { status, body } = await send(owner, 'POST', '/v1/connections', { resource_support: 'many', ...given })
  if (status !== 201) throw new Error(JSON.stringify(body))
  return body
}
const startOf = (name: string) => `${broker.publicUrl}/auth/sign-in?tenant=acme&connection=${name}&return_to=/auth/me`
const issueFor = async (user_id: string) => {
  const within = { deadlineAt: Date.now() + 20_000 }
  const principal = await call(broker.bus, resolveApiKey, { key_hash: hashOf(broker.apiKey), user_id }, within)
  const asked = { principal: principal.ticket, provider: await broker.mcpProvider.ticketFor(provider) }
  return decodeJwt((await call(broker.bus, issueToken, asked, within)).token)
}
const revokeFor = async (userId: string) => {
  const { body } = await send(owner, 'GET', `/v1/grants?user_id=${userId}`)
  return (await send(owner, 'DELETE', `/v1/grants/${body.data[0].id}`)).body
}

for (const [client_authentication, secret] of Object.entries(methods)) {
  const client = { client_authentication, ...secret }

  await t.test(`an IdP that accepts "${client_authentication}" alone signs in, refreshes and revokes`, async (t) => {
    const name = `real-${client_authentication}`
    const given = { name, issuer: broker.idp.issuer, client_id: `with-${client_authentication}`, ...client }
    await create({ ...given, scopes: 'openid email profile offline_access' })
    const { user } = JSON.parse((await signIn(createBrowser(), startOf(name), { login: logins.user })).body)
    t.match(await issueFor(user.id), { sub: logins.user, aud: audience })
    t.match(await revokeFor(user.id), { revoked_at_idp: true })
  })

  for (const [kind, settings] of Object.entries(kinds))
    await t.test(`with "${client_authentication}" at ${kind}, the body alone says who asks`, async (t) => {
      const name = `${kind}-${client_authentication}`
      await create({ name, issuer: played.issuer, client_id: 'onbehalf', ...client, ...settings })
      played.seen.length = 0
      const { user } = JSON.parse((await createBrowser().visit(startOf(name))).body)
      const tokens = {
        access_token: await played.sign({ aud: audience }),
        refresh_token: `refresh-${randomPassword()}`
      }
      recordSecrets(Object.values(tokens))
      played.answers.set('/token', { body: { ...tokens, token_type: 'Bearer', expires_in: 300 } })
      t.match(await issueFor(user.id), { sub: 'ann', aud: audience })
      played.answers.delete('/token')
      t.match(await revokeFor(user.id), { revoked_at_idp: true })
      const posted = played.seen.filter(({ method }) => method === 'POST')
      t.same(
        posted.map(({ path, form }) => [path, form.get('grant_type')]),
        [
          ['/token', 'authorization_code'],
          ['/token', 'refresh_token'],
          ['/revoke', null]
        ]
      )
      for (const { path, form, authorization } of posted) {
        t.equal(authorization, undefined, `${path} has no Authorization header`)
        t.same(form.getAll('client_id'), ['onbehalf'], path)
        t.same(form.getAll('client_secret'), Object.values(secret), path)
        t.notOk(form.has('client_assertion'), path)
      }
      const others = played.seen.filter(({ method }) => method !== 'POST')
      t.ok(others.every(({ form }) => form.size === 0) && !played.asked.has('client_secret'))
    })
}
