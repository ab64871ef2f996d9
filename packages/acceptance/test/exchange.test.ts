import { at, type Caller, callTool, signInAs, textAt } from '@onbehalf/acceptance'
import {
  freePort,
  people,
  randomPassword,
  recordSecrets,
  startAuthorizationServer,
  startRecording,
  startWhoami
} from '@onbehalf/testkit'
import t from 'tap'
import { startTestPlatform } from './platform.ts'

const [exchangedPort, jagPort, serverPort] = await Promise.all([freePort(), freePort(), freePort()])
const recording = await startRecording()
t.teardown(recording.stop)
const allowedPorts = [exchangedPort, jagPort, serverPort, recording.port]
const platform = await startTestPlatform(t, 'exchange', { allowedPorts })
const { idp } = platform
const client = { client_id: 'onbehalf-there', client_secret: randomPassword() }
recordSecrets([client.client_secret])
const there = await startAuthorizationServer({
  ...{ port: serverPort, idp: idp.issuer, client },
  onSecret: (one) => recordSecrets([one])
})
t.teardown(there.stop)
idp.controls.trustAuthorizationServer(there.issuer, client.client_id)
const exchanged = await startWhoami({ issuer: idp.issuer, port: exchangedPort })
t.teardown(exchanged.stop)
const jag = await startWhoami({ issuer: there.issuer, port: jagPort })
t.teardown(jag.stop)

const owner = await signInAs(platform, people.owner.login)
const user = await signInAs(platform, people.user.login)
const register = (server_identifier: string, server_url: string, given: object) =>
  owner.send('POST', '/v1/mcp-providers', {
    ...{ name: server_identifier, server_identifier, server_url, icon: '🔧', icon_type: 'emoji' },
    ...{ icon_background: '#fff', forward_user_identity: true, ...given }
  })
const claimsOf = (token: string): unknown => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
const refreshes = () => idp.log().refreshes_by_user[people.user.sub] ?? 0
const toldBy = async (whose: Caller, server: string) => {
  const { status, body } = await callTool(whose, server, 'whoami')
  t.equal(status, 200, JSON.stringify(body))
  return { told: at(body, 'result', 'structuredContent'), identity: at(body, 'identity') }
}

await t.test('token_exchange: the server is told who calls, by a token that the IdP exchanged for it', async (t) => {
  const { status, body } = await register('exchanged', exchanged.url, { identity_mode: 'token_exchange' })
  t.match([status, body.tools_status], [201, 'fresh'], JSON.stringify(body))
  const { told, identity } = await toldBy(user, 'exchanged')
  t.match(told, { issuer: idp.issuer, audience: exchanged.url, subject: people.user.sub })
  t.match(identity, { mode: 'token_exchange', subject: people.user.sub, audience: exchanged.url })
  const before = refreshes()
  t.match((await toldBy(owner, 'exchanged')).told, { subject: people.owner.sub }, 'and another caller is another one')
  await toldBy(user, 'exchanged')
  t.equal(refreshes(), before, 'the next call costs no refresh')
})

await t.test('id_jag: the server is told by its own authorization server', async (t) => {
  const authentication = { ...client, issuer: there.issuer }
  const { status, body } = await register('jag', jag.url, { identity_mode: 'id_jag', authentication })
  t.match([status, body.tools_status], [201, 'fresh'], JSON.stringify(body))
  const { told, identity } = await toldBy(user, 'jag')
  t.match(told, { issuer: there.issuer, audience: jag.url, subject: people.user.sub })
  t.match(identity, { mode: 'id_jag', subject: people.user.sub, audience: jag.url })
  const asked = there.log().last.length
  await toldBy(user, 'jag')
  t.equal(there.log().last.length, asked, 'the next call asks nobody')
})

await t.test('a server that an owner lets have ID tokens gets one, on record, and no other does', async (t) => {
  const { status, body } = await register('recording', recording.url, { identity_mode: 'idp_token' })
  t.equal(status, 201)
  const tokenSent = () => (recording.calls().at(-1)?.headers.authorization ?? '').replace(/^Bearer /, '')
  t.match(await callTool(user, 'recording', 'add'), { status: 428, body: { code: 'resource_not_granted' } })
  const path = `/v1/mcp-providers/${textAt(body, 'id')}`
  t.match((await owner.send('PATCH', path, { forward_id_token: true })).body.warnings, [/audience is our client/])
  t.equal((await callTool(user, 'recording', 'add')).status, 200)
  recordSecrets([tokenSent()])
  t.match(claimsOf(tokenSent()), { aud: 'onbehalf', sub: people.user.sub, iss: idp.issuer })
  const { body: issued } = await user.send('GET', `/v1/issuances?audience=${encodeURIComponent(recording.url)}`)
  t.match(issued.data, [
    { mode: 'idp_token:id_token', outcome: 'issued', times: 1 },
    { outcome: 'resource_not_granted' }
  ])
  t.equal((await owner.send('PATCH', path, { forward_id_token: false })).status, 200)
  t.match(await callTool(user, 'recording', 'add'), { status: 428, body: { code: 'resource_not_granted' } })
})

await t.test('what the IdP refuses is told as it is, and a revoked grant ends the calls', async (t) => {
  const [grant] = [at((await user.send('GET', '/v1/grants')).body, 'data')].flat()
  const id = textAt(grant, 'id')
  t.equal((await user.send('DELETE', `/v1/grants/${id}/tokens`)).status, 204)
  idp.controls.disturbExchanges(() => ({ error: { status: 400, error: 'invalid_target' } }))
  for (const server of ['exchanged', 'jag'])
    t.match(await callTool(user, server, 'whoami'), { status: 403, body: { code: 'audience_not_supported' } }, server)
  idp.controls.disturbExchanges(() => undefined)
  await toldBy(user, 'exchanged')
  await toldBy(user, 'jag')
  t.equal((await user.send('DELETE', `/v1/grants/${id}`)).status, 200)
  for (const server of ['exchanged', 'jag']) {
    const refused = { status: 428, body: { code: 'identity_refresh_rejected', connect_url: /\/connect\?/ } }
    t.match(await callTool(user, server, 'whoami'), refused, server)
  }
})
