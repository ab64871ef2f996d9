import { identityChanges } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { writeFeed } from '@onbehalf/rpc'
import { eventually, openBusAs } from '@onbehalf/testkit'
import t, { type Test } from 'tap'
import { startStage } from '../stage.ts'

const stage = await startStage(t)
const { call, broker, providers, devices, issuer, recording } = stage

t.afterEach(() => {
  issuer.behave({})
  recording.answer(() => ({ content: [] }))
})

type Headers = Record<string, string>

/** A call that the server does not answer until the test lets it; it is there when this resolves. */
const callSlowly = async (headers: Headers, server_identifier: string, more: object = {}) => {
  const { promise, resolve: answer } = Promise.withResolvers<void>()
  recording.answer(({ id }, raw) => {
    const result = { jsonrpc: '2.0', id, result: { content: [] } }
    promise.then(() => raw.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result)))
    return undefined
  })
  const arrived = recording.nextCall()
  const told = call(headers, { server_identifier, tool: 'slow', ...more })
  const { closed } = await arrived
  return { told, closed, answer }
}
const register = (tenant_id: string, more: object = {}) =>
  providers.register({ tenant_id, server_url: recording.url, mode: 'idp_token', ...more })

const rejected = () => new ReportedError('identity_refresh_rejected', 'Please sign in again.')

t.test('a grant that is revoked ends the calls made with it, which say where to sign in again', async (t) => {
  const user = await broker.signIn()
  const other = await broker.signIn({ tenant_id: user.tenant_id })
  const { server_identifier } = register(user.tenant_id)
  const bystander = await callSlowly(other.headers, server_identifier)
  const { told, closed } = await callSlowly(user.headers, server_identifier)
  issuer.behave({ refuse: rejected })
  broker.change({ kind: 'grant', id: issuer.grantOf(user.user_id) })
  await closed
  t.match(await told, { status: 428, body: { code: 'identity_refresh_rejected', connect_url: /\/connect/ } })
  bystander.answer()
  t.match(await bystander.told, { status: 200 }, 'and nobody else’s')
})

t.test('a change that takes nothing away ends no call', async (t) => {
  const user = await broker.signIn()
  const { server_identifier, provider_id } = register(user.tenant_id)
  const { told, answer } = await callSlowly(user.headers, server_identifier)
  const asked = issuer.asked().length
  broker.change({ kind: 'grant', id: issuer.grantOf(user.user_id) })
  await issuer.untilAsked(asked + 1)
  providers.change({ kind: 'provider', id: provider_id })
  await issuer.untilAsked(asked + 2)
  await stage.settle()
  answer()
  t.match(await told, { status: 200 })
})

t.test('on record is what a call was made with, and not what was found when something changed meanwhile', async (t) => {
  const user = await broker.signIn()
  const { server_identifier, provider_id } = register(user.tenant_id)
  const { told, answer } = await callSlowly(user.headers, server_identifier)
  providers.update(provider_id, { mode: 'off' })
  await stage.settle()
  answer()
  t.match(await told, { status: 200, body: { identity: { mode: 'idp_token' } } })
  const list = async () => (await stage.app.inject({ url: '/v1/calls', headers: user.headers })).json().data
  t.match(await eventually(list, ({ length }) => length > 0), [{ mode: 'idp_token' }])
})

t.test('an owner who cannot be asked has taken nothing away', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = register(user.tenant_id)
  const { told, answer } = await callSlowly(user.headers, server_identifier)
  const asked = issuer.asked().length
  issuer.behave({ refuse: () => new ReportedError('identity_provider_unavailable', 'The IdP is away.') })
  broker.change({ kind: 'grant', id: issuer.grantOf(user.user_id) })
  await issuer.untilAsked(asked + 1)
  await stage.settle()
  answer()
  t.match(await told, { status: 200 })
})

t.test('who has signed out, and whose device token was revoked: their calls end', async (t) => {
  const user = await broker.signIn()
  const device = devices.makeToken({ tenant_id: user.tenant_id })
  const { server_identifier } = register(user.tenant_id, { mode: 'off' })
  const ends: [Headers, () => void][] = [
    [user.headers, () => broker.endSession(user.session_id)],
    [device.headers, () => devices.revoke(device.token_id)]
  ]
  for (const [headers, end] of ends) {
    const { told, closed } = await callSlowly(headers, server_identifier)
    end()
    await closed
    t.match(await told, { status: 401 })
  }
})

t.test('a server that is removed is called no longer', async (t) => {
  const user = await broker.signIn()
  const { server_identifier, provider_id } = register(user.tenant_id)
  const { told, closed } = await callSlowly(user.headers, server_identifier)
  providers.remove(provider_id)
  await closed
  t.match(await told, { status: 404, body: { code: 'not_found' } })
})

/** A call whose token is revoked while it is waited for, before `tell`. */
const revokedMeanwhile = async (t: Test, tell: (user_id: string) => unknown) => {
  const user = await broker.signIn()
  const { server_identifier } = register(user.tenant_id)
  const held = issuer.hold()
  const asked = issuer.asked().length
  recording.answer(() => undefined)
  const told = call(user.headers, { server_identifier, tool: 'slow' })
  await issuer.untilAsked(asked + 1)
  issuer.behave({ refuse: rejected })
  await tell(user.user_id)
  await stage.settle()
  held.open()
  t.match(await told, { status: 428, body: { code: 'identity_refresh_rejected' } })
}

t.test('what was revoked while the call was prepared is not overlooked', async (t) => {
  await revokedMeanwhile(t, (user_id) => broker.change({ kind: 'grant', id: issuer.grantOf(user_id) }))
})

t.test('nor is it where the word of it was missed', async (t) => {
  await revokedMeanwhile(t, async () => {
    // Another replica that is heard for the first time: what it said before is not known.
    const feed = writeFeed(await openBusAs(t, stage.backends, 'identity-broker'), identityChanges)
    t.teardown(feed.close)
    await feed.flush()
  })
})

t.test('a call ends with its timeout_ms, also while its token is waited for', { timeout: 15_000 }, async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = register(user.tenant_id)
  const before = recording.calls().length
  const held = issuer.hold()
  const answer = await call(user.headers, { server_identifier, tool: 'x', timeout_ms: 50 })
  held.open()
  t.match(answer, { status: 504, body: { code: 'upstream_timeout' } })
  await stage.settle()
  t.equal(recording.calls().length, before, 'and is not made for nobody')
})

t.test('a cancelled call is on record with the reason', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = register(user.tenant_id)
  const { told } = await callSlowly(user.headers, server_identifier)
  issuer.behave({ refuse: rejected })
  broker.change({ kind: 'user', id: user.user_id })
  await told
  const list = async () => (await stage.app.inject({ url: '/v1/calls', headers: user.headers })).json().data
  const rows = await eventually(list, ({ length }) => length > 0)
  t.match(rows, [{ outcome: 'identity_refresh_rejected', tool: 'slow' }])
})
