import { at, callTool, signInAs, textAt } from '@onbehalf/acceptance'
import { freePort, people, recordSecrets, startWhoami } from '@onbehalf/testkit'
import { startRecording } from '@onbehalf/testkit/mcp-servers'
import { createVerifier, memoryReplayStore, VerifyError } from '@onbehalf/verify'
import t from 'tap'
import { startTestPlatform } from './platform.ts'

const recording = await startRecording()
const whoamiPort = await freePort()
const platform = await startTestPlatform(t, 'signed', { allowedPorts: [recording.port, whoamiPort] })
t.teardown(recording.stop)
const { publicUrl } = platform
const issuer = `${publicUrl}/t/${platform.tenantId}`
const whoami = await startWhoami({ issuer, port: whoamiPort })
t.teardown(whoami.stop)
const verifierFor = (audience: string) => createVerifier({ issuers: [issuer], audience, replay: memoryReplayStore() })

const owner = await signInAs(platform, people.owner.login)
const user = await signInAs(platform, people.user.login)
const register = (server_identifier: string, server_url: string) =>
  owner.send('POST', '/v1/mcp-providers', {
    ...{ name: server_identifier, server_identifier, server_url, icon: '🔧', icon_type: 'emoji' },
    ...{ icon_background: '#fff', forward_user_identity: true, identity_mode: 'signed' }
  })

await t.test('a server in the mode signed gets a token for this one call, which verifies once', async (t) => {
  t.equal((await register('recording', recording.url)).status, 201)
  const given = { tool: 'add', arguments: { b: 2, a: 'é' } }
  const { status, body } = await callTool(user, 'recording', given.tool, { arguments: given.arguments })
  t.equal(status, 200)
  const token = (recording.calls().at(-1)?.headers.authorization ?? '').replace(/^Bearer /, '')
  recordSecrets([token])
  const verifier = verifierFor(recording.url)
  const call = { name: given.tool, arguments: given.arguments }
  const identity = await verifier.verify(token, { call })
  t.match(identity, { issuer, email: people.user.email, tool: 'add', auth_time: Number })
  t.match(at(body, 'identity'), {
    mode: 'signed',
    subject: identity.subject,
    jti: identity.jti,
    audience: recording.url
  })
  await t.rejects(verifier.verify(token, { call }), { name: 'VerifyError', reason: 'the token was used before' })
  const others = [
    { ...call, name: 'remove' },
    { ...call, arguments: { a: 'é', b: 3 } }
  ]
  for (const other of others) await t.rejects(verifierFor(recording.url).verify(token, { call: other }), VerifyError)

  await callTool(user, 'recording', given.tool, { arguments: given.arguments })
  const next = (recording.calls().at(-1)?.headers.authorization ?? '').replace(/^Bearer /, '')
  recordSecrets([next])
  t.not(next, token, 'the next call has one of its own')
})

await t.test('a server that was sent one can use it nowhere else', async (t) => {
  const token = (recording.calls().at(-1)?.headers.authorization ?? '').replace(/^Bearer /, '')
  for (const path of ['/auth/me', '/v1/grants', '/v1/mcp-providers', '/v1/calls', '/openapi/v1/account']) {
    const asBearer = await fetch(publicUrl + path, { headers: { authorization: `Bearer ${token}` } })
    t.equal(asBearer.status, 401, path)
    const asCookie = await fetch(publicUrl + path, { headers: { cookie: `onbehalf_session=${token}` } })
    t.equal(asCookie.status, 401, `${path} as a session`)
  }
  const elsewhere = await fetch(whoami.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'add', arguments: {} } })
  })
  t.equal(elsewhere.status, 401)
  t.match(elsewhere.headers.get('www-authenticate'), 'invalid_token')
})

await t.test('whoami, which trusts the tenant, is told who calls', async (t) => {
  t.equal((await register('signed-whoami', whoami.url)).status, 201)
  const { status, body } = await callTool(user, 'signed-whoami', 'whoami')
  t.equal(status, 200)
  const told = at(body, 'result', 'structuredContent')
  t.match(told, { issuer, audience: whoami.url, email: people.user.email })
  t.equal(textAt(told, 'subject'), textAt(body, 'identity', 'subject'))
})
