import { createEgress } from '@onbehalf/egress'
import { eventually, heldNow } from '@onbehalf/testkit'
import t from 'tap'
import { createClients } from '../../src/connections/client.ts'
import { createIdpKeys, type FindIdpKeys } from '../../src/connections/keys.ts'
import { blankSettings } from '../../src/connections/settings.ts'
import { createVerifyJwt } from '../../src/connections/verify-jwt.ts'
import type { Connection } from '../../src/database.ts'
import { playIdp } from '../played-idp.ts'

const idp = await playIdp(t)
const egress = createEgress({ allow: `127.0.0.1:${idp.port}` })
t.teardown(() => egress.close())

const bytes = 250_000
/** As many as fit into an answer, which takes some twenty times of it when it is read. */
const manyOf = (item: string) => `[${new Array(Math.floor(bytes / (item.length + 1))).fill(item).join(',')}]`
const mebibyte = 1024 * 1024

const header = { alg: 'ES256', kid: 'played' }
/** Asks for a key there, which is unknown unless the answer says otherwise. */
const askAt = (findKeys: FindIdpKeys, index: number) =>
  Promise.allSettled([findKeys(`${idp.issuer}/jwks?${index}`)(header, { payload: '', signature: '' })])
const askAtMany = async (findKeys: FindIdpKeys, addresses: number) => {
  for (let index = 0; index < addresses; index += 1) await askAt(findKeys, index)
}
const jwks = (body: unknown) => {
  idp.answers.set('/jwks', { body })
  return () => idp.answers.delete('/jwks')
}
const manyKeys = {
  keys: Array.from({ length: 200 }, (_, index) => ({ kty: 'EC', kid: `${index}`, x: 'x'.repeat(88) }))
}

t.test('of keys nothing is held but what is used, however much an identity provider says', async (t) => {
  t.teardown(jwks(`{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB","x5c":${manyOf('{}')}}]}`))
  const findKeys = createIdpKeys(egress)
  await askAtMany(findKeys, 1)
  const before = await heldNow()
  await askAtMany(findKeys, 30)
  const held = (await heldNow()) - before
  t.ok(held < 4 * mebibyte, `${held} bytes of 30 addresses`)
})

t.test('keys that would take more room than there is take that of others, which are asked for again', async (t) => {
  t.teardown(jwks(manyKeys))
  const findKeys = createIdpKeys(egress)
  await askAtMany(findKeys, 40)
  const before = idp.seenAt('/jwks').length
  await askAt(findKeys, 39)
  t.equal(idp.seenAt('/jwks').length - before, 0, 'those of the last one are there')
  await askAt(findKeys, 0)
  t.equal(idp.seenAt('/jwks').length - before, 1, 'and those of the first one are not')
})

t.test('keys go when they are old, whether they are asked for again or not', async (t) => {
  t.teardown(jwks(manyKeys))
  const findKeys = createIdpKeys(egress, { heldMs: 50, askAgainMs: 0 })
  await askAtMany(findKeys, 1)
  const before = await heldNow()
  await askAtMany(findKeys, 10)
  const held = await eventually(
    async () => (await heldNow()) - before,
    (bytes) => bytes < 300_000
  )
  t.ok(held < 300_000, `${held} bytes of 10 addresses`)
})

t.test('a key that no token could be verified with does not keep the others from being used', async (t) => {
  const [key] = idp.keys
  const odd = [
    ...['a key', null, {}, { kty: 'oct', k: 'c2VjcmV0' }, { kty: 'RSA', kid: 'long', n: 'A'.repeat(2_732), e: 'AQAB' }],
    ...[
      { ...key, kid: 'private', d: 'AQAB' },
      { kty: 'RSA', kid: 'slow', n: 'AQAB', e: 'AQABAQABAQAB' }
    ]
  ]
  t.teardown(jwks({ keys: [...odd, key, { ...key, kid: 'nulls', n: null, e: null, d: null, key_ops: null }] }))
  const verify = createVerifyJwt(createIdpKeys(egress))
  const by = { issuer: idp.issuer, clientId: 'onbehalf', jwksUri: `${idp.issuer}/jwks` }
  t.match(await verify(await idp.sign({}), by), { sub: 'ann' })
  t.match(await verify(await idp.sign({}, { kid: 'nulls' }), by), { sub: 'ann' }, 'of one that writes what it has not')
  for (const kid of ['private', 'long', 'slow'])
    await t.rejects(verify(await idp.sign({}, { kid }), by), { code: 'ERR_JWKS_NO_MATCHING_KEY' }, kid)
})

const credentialsOf = async () => ({ secret: undefined, findKey: () => Promise.reject(new Error('has none')) })
const connection: Connection = {
  ...blankSettings,
  ...{
    id: 'a connection',
    tenant_id: 'a tenant',
    name: 'sso',
    kind: 'oidc',
    issuer: idp.issuer,
    client_id: 'onbehalf'
  },
  ...{ client_secret: null, client_authentication: 'none', scopes: 'openid', resource_support: 'many' },
  ...{ revision: 1, created_at: new Date(0), updated_at: new Date(0) }
}

t.test('of what an identity provider says about itself nothing is held but what a client goes by', async (t) => {
  const { metadata } = idp
  const body = JSON.stringify(metadata).replace(/\}$/, `,"x":${manyOf('{}')}}`)
  idp.answers.set('/.well-known/openid-configuration', { body })
  t.teardown(() => idp.answers.delete('/.well-known/openid-configuration'))
  const findClient = createClients({ egress, credentialsOf, onDiscovered: async () => {} })
  const { configuration } = await findClient(connection)
  const { code_challenge_methods_supported: _unused, ...used } = metadata
  t.same(configuration.serverMetadata(), used)
  const before = await heldNow()
  for (let revision = 2; revision < 32; revision += 1) await findClient({ ...connection, revision })
  const held = (await heldNow()) - before
  t.ok(held < 4 * mebibyte, `${held} bytes of 30 revisions`)
  const seen = idp.seenAt('/.well-known/openid-configuration').length
  await findClient({ ...connection, revision: 31 })
  t.equal(idp.seenAt('/.well-known/openid-configuration').length, seen, 'and it is not asked again')
})

t.test('clients that would take more room than there is take that of others', async (t) => {
  const body = { ...idp.metadata, id_token_signing_alg_values_supported: new Array(20_000).fill('ES256') }
  idp.answers.set('/.well-known/openid-configuration', { body })
  t.teardown(() => idp.answers.delete('/.well-known/openid-configuration'))
  const findClient = createClients({ egress, credentialsOf, onDiscovered: async () => {} })
  const seen = () => idp.seenAt('/.well-known/openid-configuration').length
  const before = seen()
  const all = Array.from({ length: 60 }, (_, revision) => ({ ...connection, revision }))
  for (const one of all) await findClient(one)
  await Promise.all(all.slice(-1).map(findClient))
  t.equal(seen() - before, 60, 'the last one is there')
  await Promise.all(all.slice(0, 1).flatMap((one) => [findClient(one), findClient(one)]))
  t.equal(seen() - before, 61, 'the first one is asked again, once for two who want it')
})
