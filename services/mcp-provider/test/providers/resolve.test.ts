import { randomUUID } from 'node:crypto'
import {
  listAudiences,
  listDeviceKeys,
  listProviderKeys,
  listProviders,
  principalTicket,
  providerTicket,
  resolveProvider
} from '@onbehalf/contracts'
import { call, createKeySet, serve, signTicket, verifyTicket } from '@onbehalf/rpc'
import { makeKeyPair, openBusAs } from '@onbehalf/testkit/players'
import t from 'tap'
import { startNotingServer } from '../mcp-server.ts'
import { refusalOf, startService } from '../start.ts'

const noting = await startNotingServer(t)
const { as, backends, broker, brokerBus } = await startService(t, { allow: [noting.address] })
const invoker = await openBusAs(t, backends, 'tool-invoker')
const owner = await broker.signIn({ role: 'owner' })
const { tenant_id } = owner
const url = '/v1/mcp-providers'
const soon = () => ({ deadlineAt: Date.now() + 20_000 })
const resolve = (principal: string, server_identifier: string) =>
  call(invoker, resolveProvider, { principal, server_identifier }, soon())
const findKey = createKeySet(async () => (await call(brokerBus, listProviderKeys, {}, soon())).ticket)

const server_url = `${noting.url}/A%7e/b`
const plain = await as(owner)('POST', url, {
  name: 'Plain',
  server_identifier: 'plain',
  server_url,
  headers: { Authorization: 'Bearer of the provider' },
  configuration: { timeout: 7, sse_read_timeout: 70 },
  identity_mode: 'idp_token'
})

const userPrincipal = (credential: 'session' | 'device_token') => ({
  ...{ kind: 'user' as const, tenant_id, user_id: owner.user_id, role: 'member' as const },
  credential: { kind: credential, id: randomUUID() }
})

t.test('tool-invoker gets the settings in clear and a ticket that says what a token is for', async (t) => {
  const { settings, ticket } = await resolve(owner.ticket, 'plain')
  t.same(settings, {
    keep_arguments: false,
    provider_id: plain.body.id,
    tenant_id,
    revision: 1,
    server_identifier: 'plain',
    name: 'Plain',
    server_url,
    headers: { Authorization: 'Bearer of the provider' },
    mode: 'off',
    audience: server_url,
    timeout: 7,
    sse_read_timeout: 70
  })
  t.same(await verifyTicket(providerTicket, ticket, { findKey }), {
    ...{ tenant_id, provider_id: plain.body.id, revision: 1, server_identifier: 'plain', audience: server_url },
    ...{ mode: 'off', scopes: [] }
  })
})

t.test('a change holds with the next question', async (t) => {
  const at = `${url}/${plain.body.id}`
  t.equal((await as(owner)('PATCH', at, { forward_user_identity: true })).status, 200)
  const { settings, ticket } = await resolve(owner.ticket, 'plain')
  t.match(settings, { revision: 2, mode: 'idp_token' })
  t.match(await verifyTicket(providerTicket, ticket, { findKey }), { revision: 2, mode: 'idp_token' })
  await as(owner)('PATCH', at, { forward_user_identity: false })
  t.match((await resolve(owner.ticket, 'plain')).settings, { revision: 3, mode: 'off' })
})

t.test('apps and people with a device token are answered like people with a session', async (t) => {
  const credential = { kind: 'api_key' as const, id: randomUUID() }
  const app = await broker.ticketFor({
    kind: 'app',
    tenant_id,
    app_id: randomUUID(),
    user_id: null,
    scopes: [],
    credential
  })
  t.equal((await resolve(app, 'plain')).settings.name, 'Plain')

  const deviceBus = await openBusAs(t, backends, 'device-auth')
  const device = await makeKeyPair()
  const served = serve(deviceBus, listDeviceKeys, async () => ({ ticket: [device.publicKey], session: [] }))
  t.teardown(served.stop)
  await deviceBus.connection.flush()
  const signed = await signTicket(principalTicket, userPrincipal('device_token'), {
    issuer: 'device-auth',
    key: device.signingKey
  })
  t.equal((await resolve(signed.ticket, 'plain')).settings.name, 'Plain')

  const posing = await signTicket(principalTicket, userPrincipal('session'), {
    issuer: 'identity-broker',
    key: device.signingKey
  })
  t.equal((await refusalOf(resolve(posing.ticket, 'plain'))).code, 'policy_denied', "another service's key")
})

t.test('a ticket that does not hold gets nothing', async (t) => {
  const principal = userPrincipal('session')
  const own = (await resolve(owner.ticket, 'plain')).ticket
  const tickets = {
    'no ticket': 'x',
    expired: await broker.ticketFor(principal, { now: () => Date.now() - 70_000 }),
    'of tomorrow': await broker.ticketFor(principal, { now: () => Date.now() + 86_400_000 }),
    'signed by somebody else': await broker.ticketFor(principal, { key: await makeKeyPair() }),
    'with another word': altered(owner.ticket),
    'without a signature': `${owner.ticket.split('.').slice(0, 2).join('.')}.`,
    'of another kind': own,
    'a session': owner.cookie.split('=')[1] ?? ''
  }
  for (const [name, ticket] of Object.entries(tickets)) {
    const { code, message } = await refusalOf(resolve(ticket, 'plain'))
    t.equal(code, 'policy_denied', name)
    t.equal(message, 'The onbehalf-principal+jwt shown does not hold.', name)
  }
})

t.test("another tenant's ticket, an external user's and an unknown identifier find nothing", async (t) => {
  const stranger = await broker.signIn({ role: 'owner' })
  const external = await broker.signIn({ tenant_id, role: null })
  const refusals = [
    await refusalOf(resolve(stranger.ticket, 'plain')),
    await refusalOf(resolve(external.ticket, 'plain')),
    await refusalOf(resolve(owner.ticket, 'unknown'))
  ]
  for (const { code } of refusals) t.equal(code, 'not_found')
  t.equal(new Set(refusals.map(({ message }) => message)).size, 1)
})

t.test('an external user reaches what is marked for them, and the audience may be another resource', async (t) => {
  const external = await broker.signIn({ tenant_id, role: null })
  const at = `${url}/${plain.body.id}`
  const resource = `${new URL(noting.url).origin}/Resource%7e`
  await as(owner)('PATCH', at, { external: true, resource, keep_arguments: true })
  const { settings, ticket } = await resolve(external.ticket, 'plain')
  t.match(settings, { server_url, audience: resource, keep_arguments: true })
  t.match(await verifyTicket(providerTicket, ticket, { findKey }), { audience: resource })
  await as(owner)('PATCH', at, { external: false, resource: null, keep_arguments: false })
  t.equal((await refusalOf(resolve(external.ticket, 'plain'))).code, 'not_found')
})

t.test('the audiences of a tenant are the URLs of its forwarding providers, byte for byte', async (t) => {
  const forwarding = { forward_user_identity: true, identity_mode: 'idp_token' }
  const given = { name: 'Forwarding', server_identifier: 'forwarding', server_url: `${noting.url}/B%7e/c` }
  const { body } = await as(owner)('POST', url, { ...given, ...forwarding })
  await as(await broker.signIn({ role: 'owner' }))('POST', url, { ...given, ...forwarding })
  const named = { server_identifier: 'forwarding', name: 'Forwarding' }
  t.same(await call(brokerBus, listAudiences, { tenant_id }, soon()), {
    audiences: [{ provider_id: body.id, audience: given.server_url, mode: 'idp_token', ...named }]
  })
  t.same(await call(brokerBus, listAudiences, { tenant_id: randomUUID() }, soon()), { audiences: [] })
})

t.test('identity-broker is told whether an audience is for members alone, also of what forwards nothing', async (t) => {
  const one = await broker.signIn({ role: 'owner' })
  const origin = new URL(noting.url).origin
  const isForMembers = async (audience?: string) => {
    const request = { tenant_id: one.tenant_id, ...(audience === undefined ? {} : { audience }) }
    return (await call(brokerBus, listAudiences, request, soon())).is_for_members
  }
  const register = async (server_identifier: string, settings: object) => {
    const given = { name: server_identifier, server_identifier, server_url: `${origin}/${server_identifier}` }
    const { status, body } = await as(one)('POST', url, { ...given, ...settings })
    t.equal(status, 201)
    return body.id
  }
  const forwarding = { forward_user_identity: true, identity_mode: 'idp_token' }
  const closed = await register('closed', forwarding)
  await register('off', {})
  await register('open', { ...forwarding, external: true })
  await register('moved', { ...forwarding, resource: `${origin}/resource` })
  const rows: [string, boolean][] = [
    ['closed', true],
    ['off', true],
    ['open', false],
    ['resource', true],
    ['moved', false],
    ['closed/', true],
    ['off/', true],
    ['resource/', true],
    ['open/', false],
    ['closed//', false],
    ['nowhere', false]
  ]
  for (const [path, expected] of rows) t.equal(await isForMembers(`${origin}/${path}`), expected, path)
  t.equal(await isForMembers(), undefined, 'who asks for none is told nothing')
  await register('twin', { ...forwarding, external: true, resource: `${origin}/resource` })
  t.equal(await isForMembers(`${origin}/resource`), false, 'one that is marked is enough')
  await as(one)('PATCH', `${url}/${closed}`, { external: true })
  t.equal(await isForMembers(`${origin}/closed`), false)
  await register('slashed', { server_url: `${origin}/closed/` })
  t.equal(await isForMembers(`${origin}/closed`), false, 'what is there exactly counts alone')
  t.equal(await isForMembers(`${origin}/closed/`), true)
})

t.test('the keys it shows are public', async (t) => {
  const keys = await call(brokerBus, listProviderKeys, {}, soon())
  t.equal(keys.ticket.length, 1)
  t.same(Object.keys(keys.ticket[0] ?? {}).sort(), ['crv', 'kid', 'kty', 'x', 'y'])
  t.same(keys.session, [])
})

/** The same ticket with its last word changed from member to owner, or the other way round. */
const altered = (ticket: string): string => {
  const [head = '', body = '', signature = ''] = ticket.split('.')
  const payload = JSON.parse(Buffer.from(body, 'base64url').toString())
  payload.statement.tenant_id = randomUUID()
  return [head, Buffer.from(JSON.stringify(payload)).toString('base64url'), signature].join('.')
}

t.test('tool-invoker gets the identifiers of what somebody may use, page by page', async (t) => {
  const [one, stranger] = await Promise.all([broker.signIn({ role: 'owner' }), broker.signIn({ role: 'owner' })])
  const external = await broker.signIn({ tenant_id: one.tenant_id, role: null })
  for (const server_identifier of ['b', 'a', 'c']) {
    const more = server_identifier === 'c' ? { external: true } : {}
    const body = {
      name: server_identifier,
      server_identifier,
      server_url: `${noting.url}/${server_identifier}`,
      ...more
    }
    t.equal((await as(one)('POST', url, body)).status, 201)
  }
  const list = async (principal: string, page = {}) => {
    const { data, next_cursor } = await call(invoker, listProviders, { principal, limit: 2, ...page }, soon())
    return [data.map(({ server_identifier }) => server_identifier).join(), next_cursor]
  }
  t.same(await list(one.ticket), ['a,b', 'b'])
  t.same(await list(one.ticket, { cursor: 'b' }), ['c', null])
  t.same(await list(external.ticket), ['c', null])
  t.same(await list(stranger.ticket), ['', null])
})
