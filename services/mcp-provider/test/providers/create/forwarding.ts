import { listProviderKeys, providerTicket } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { call, createKeySet, verifyTicket } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import t from 'tap'
import type { Setting } from './setting.ts'

/** Providers that are told who calls. */
export const testForwarding = ({
  brokerBus,
  noting,
  owner,
  asOwner,
  url,
  fresh,
  secret,
  minted,
  issued
}: Setting): void => {
  const forwarding = { forward_user_identity: true, identity_mode: 'idp_token' }
  const soon = () => ({ deadlineAt: Date.now() + 20_000 })

  t.test('a forwarding provider is listed as the administrator who asked, with a token for that server', async (t) => {
    const [token, own] = [secret(), secret()]
    const asked: { principal: string; provider: string; rejected_token_hash?: string }[] = []
    const served = await issued(async (request) => {
      asked.push(request)
      return minted(token, request)
    })
    t.teardown(served.stop)
    noting.seen.length = 0
    const server_url = `${noting.url}/A%7e/b`
    const given = fresh({ server_url, ...forwarding, headers: { authorization: `Bearer ${own}`, 'x-more': 'yes' } })
    const { status, body } = await asOwner('POST', url, given)
    t.equal(status, 201)
    t.match(body, { tools_status: 'fresh', tools: [{ name: 'noted' }], ...forwarding })
    t.ok(noting.seen.length > 0)
    for (const seen of noting.seen) t.match(seen, { authorization: `Bearer ${token}`, 'x-more': 'yes' })

    const findKey = createKeySet(async () => (await call(brokerBus, listProviderKeys, {}, soon())).ticket)
    const statement = await verifyTicket(providerTicket, asked[0]?.provider ?? '', { findKey })
    t.same(statement, {
      tenant_id: owner.tenant_id,
      provider_id: body.id,
      revision: 1,
      server_identifier: given.server_identifier,
      audience: server_url,
      mode: 'idp_token',
      scopes: []
    })
    t.equal(asked[0]?.principal.split('.').length, 3)

    noting.answer = { ...noting.answer, status: 401 }
    const refused = await asOwner('POST', `${url}/${body.id}/refresh-tools`)
    t.equal(asked.at(-1)?.rejected_token_hash, hashOf(token), 'the broker had no other token')
    noting.answer = { ...noting.answer, status: 200 }
    t.match(refused.body, {
      tools: [{ name: 'noted' }],
      tools_status: 'needs_identity',
      tools_error: /does not accept/
    })
  })

  t.test('a token that the server rejects is asked for anew, once', async (t) => {
    const tokens = [secret(), secret()]
    const rejected: (string | undefined)[] = []
    const served = await issued(async (request) => {
      rejected.push(request.rejected_token_hash)
      const token = tokens[rejected.length - 1] ?? ''
      return minted(token, request)
    })
    t.teardown(served.stop)
    noting.answer = { ...noting.answer, rejects: `Bearer ${tokens[0]}` }
    const { body } = await asOwner('POST', url, fresh({ server_url: `${noting.url}/rejects`, ...forwarding }))
    noting.answer = { status: 200, tools: [{ name: 'noted' }] }
    t.match(body, { tools_status: 'fresh', tools: [{ name: 'noted' }] })
    t.same(rejected, [undefined, hashOf(tokens[0] ?? '')])
  })

  t.test('without a token nothing is sent to the server of a forwarding provider', async (t) => {
    const connect_url = 'http://127.0.0.1:4000/connect?to=x'
    const served = await issued(async () => {
      throw new ReportedError('no_refresh_token', 'Sign in again so that tools can be called for you.', { connect_url })
    })
    noting.seen.length = 0
    const signedOut = await asOwner('POST', url, fresh({ server_url: `${noting.url}/no-token`, ...forwarding }))
    t.equal(signedOut.status, 201)
    t.match(signedOut.body, {
      tools_status: 'needs_identity',
      tools_error: `Sign in again so that tools can be called for you. ${connect_url}`
    })
    await served.stop()
    const nobody = await asOwner('POST', url, fresh({ server_url: `${noting.url}/nobody`, ...forwarding }))
    t.equal(nobody.status, 201)
    t.match(nobody.body, { tools_status: 'needs_identity', tools_error: /identity-broker is not available/ })
    t.same(noting.seen, [])
  })

  t.test('identity is forwarded over https or listed loopback only', async (t) => {
    for (const server_url of ['http://127.0.0.3:8080/mcp', 'http://93.184.216.34/mcp']) {
      const { status, body } = await asOwner('POST', url, fresh({ server_url, ...forwarding }))
      t.equal(status, 400, server_url)
      t.match(body, { code: 'invalid_request', details: [{ path: 'server_url', message: /https/ }] })
    }
  })

  t.test('a server whose URL has a query gets no identity: an audience has none', async (t) => {
    const { status, body } = await asOwner('POST', url, fresh({ server_url: `${noting.url}?key=x`, ...forwarding }))
    t.equal(status, 400)
    t.match(body, { code: 'invalid_request', details: [{ path: 'server_url' }] })
  })

  t.test('forwarding with the mode off is refused and names both fields', async (t) => {
    const given = fresh({ server_url: 'https://mcp.example.com/', forward_user_identity: true })
    for (const identity_mode of [undefined, 'off']) {
      const { status, body } = await asOwner('POST', url, { ...given, identity_mode })
      t.equal(status, 400)
      t.equal(body.code, 'invalid_request')
      t.same(
        body.details.map(({ path }) => path),
        ['forward_user_identity', 'identity_mode']
      )
    }
  })
}
