import { subjectOf } from '@onbehalf/testkit/players'
import t from 'tap'
import { digestOf } from '../../src/calls/digest.ts'
import { startStage } from '../stage.ts'

const stage = await startStage(t)
const { backends, call, settle, broker, providers, devices, issuer, recording, whoami } = stage

const numbered = Array.from({ length: 20 }, (_, index) => `tool-${index}`)
const tools = ['x', 'whoami', ...numbered].map((name) => ({ name }))
const forwarding = (tenant_id: string, server: { url: string } = recording) =>
  providers.register({ tenant_id, server_url: server.url, mode: 'idp_token', tools })

type Asked = Parameters<typeof call>[1]

/** Calls until all that the calls rest on is held, and found with whom they are made for. */
const warmUp = async (headers: Record<string, string>, asked: Asked) => {
  for (const _ of [1, 2, 3]) t.equal((await call(headers, asked)).status, 200)
}

const claimsOf = (authorization = ''): unknown =>
  JSON.parse(Buffer.from(authorization.split('.')[1] ?? '', 'base64url').toString())

t.afterEach(() => issuer.behave({}))

t.test('a warm call asks nobody', async (t) => {
  const user = devices.makeToken()
  const { server_identifier } = forwarding(user.tenant_id)
  await call(user.headers, { server_identifier, tool: 'x' })
  const before = { tokens: issuer.asked().length, providers: providers.asked() }
  for (const _ of [1, 2, 3]) t.equal((await call(user.headers, { server_identifier, tool: 'x' })).status, 200)
  t.same({ tokens: issuer.asked().length, providers: providers.asked() }, before)
})

t.test('100 cold calls at once ask the broker once', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = forwarding(user.tenant_id, whoami)
  const before = { tokens: issuer.asked().length, providers: providers.asked() }
  const calls = Array.from({ length: 100 }, () => call(user.headers, { server_identifier, tool: 'whoami' }))
  const answers = await Promise.all(calls)
  const subject = subjectOf(user.user_id)
  t.ok(answers.every(({ status }) => status === 200))
  for (const { body } of answers.slice(0, 3)) t.match(body.result, { structuredContent: { subject } })
  t.equal(issuer.asked().length, before.tokens + 1)
  t.equal(providers.asked(), before.providers + 1)
})

for (const kind of ['grant', 'user', 'provider'] as const) {
  t.test(`when a ${kind} changes, the next call asks the broker again`, async (t) => {
    const user = await broker.signIn()
    const { server_identifier, provider_id } = forwarding(user.tenant_id)
    await warmUp(user.headers, { server_identifier, tool: 'x' })
    const asked = issuer.asked().length
    if (kind === 'provider') providers.change({ kind, id: provider_id })
    else broker.change({ kind, id: kind === 'grant' ? issuer.grantOf(user.user_id) : user.user_id })
    await settle()
    await call(user.headers, { server_identifier, tool: 'x' })
    t.equal(issuer.asked().length, asked + 1)
  })
}

t.test('an answer that was asked for before an emptying is not kept', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = forwarding(user.tenant_id)
  const held = issuer.hold()
  const asked = issuer.asked().length
  const early = call(user.headers, { server_identifier, tool: 'x' })
  await issuer.untilAsked(asked + 1)
  broker.change({ kind: 'grant', id: issuer.grantOf(user.user_id) })
  await settle()
  held.open()
  t.equal((await early).status, 200)
  await call(user.headers, { server_identifier, tool: 'x' })
  t.equal(issuer.asked().length, asked + 2)
})

t.test(
  'of several servers that are called in turn each has its own token, and a change of one costs the others nothing',
  async (t) => {
    const user = await broker.signIn()
    const servers = [1, 2, 3].map(() => forwarding(user.tenant_id))
    const callEach = async () => {
      for (const { server_identifier, audience } of servers) {
        const { status, body } = await call(user.headers, { server_identifier, tool: 'x' })
        t.match([status, body.identity], [200, { audience }])
      }
    }
    for (const _ of [1, 2, 3]) await callEach()
    const asked = issuer.asked().length
    const [changed] = servers
    providers.change({ kind: 'provider', id: changed?.provider_id ?? '' })
    await settle()
    for (const _ of [1, 2, 3]) await callEach()
    t.equal(issuer.asked().length, asked + 1)
  }
)

t.test('a changed provider is called as it is now', async (t) => {
  const user = await broker.signIn()
  const { server_identifier, provider_id } = forwarding(user.tenant_id)
  await warmUp(user.headers, { server_identifier, tool: 'x' })
  providers.update(provider_id, { mode: 'off', headers: { 'x-now': 'yes' } })
  await settle()
  const { body } = await call(user.headers, { server_identifier, tool: 'x' })
  t.equal(body.identity, null)
  t.match(recording.calls().at(-1)?.headers, { 'x-now': 'yes', authorization: undefined })
})

t.test(
  'who calls two servers in turn, and an app that acts for two users, has never the token of the other',
  async (t) => {
    const { tenant_id, ...first } = await broker.signIn()
    const users = [first, await broker.signIn({ tenant_id })]
    const key = broker.makeApiKey({ tenant_id, actsFor: users.map(({ user_id }) => user_id) })
    const servers = [forwarding(tenant_id, whoami), forwarding(tenant_id)]
    for (const _ of [1, 2, 3])
      for (const { user_id } of users)
        for (const { server_identifier, audience } of servers) {
          const { body } = await call(key.headers, { server_identifier, tool: 'whoami', user_id })
          const subject = subjectOf(user_id)
          if (audience === whoami.url) t.match(body.result, { structuredContent: { subject } })
          else t.match(claimsOf(recording.calls().at(-1)?.headers.authorization), { sub: subject, aud: audience })
          t.match(body.identity, { user_id, subject, audience })
        }
  }
)

t.test('a revoked device token and an ended session make no more calls', async (t) => {
  const user = await broker.signIn()
  const device = devices.makeToken({ tenant_id: user.tenant_id })
  const { server_identifier } = forwarding(user.tenant_id)
  for (const { headers } of [user, device]) await warmUp(headers, { server_identifier, tool: 'x' })
  devices.revoke(device.token_id)
  broker.endSession(user.session_id)
  await settle()
  for (const { headers } of [user, device]) t.equal((await call(headers, { server_identifier, tool: 'x' })).status, 401)
})

t.test('a token that is good for one call is used for that call, and for no other', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = forwarding(user.tenant_id)
  issuer.behave({ reusable: false })
  const before = recording.calls().length
  const callAtOnce = () => {
    const given = numbered.map((tool, index) => ({ tool, arguments: { index } }))
    return Promise.all(given.map((one) => call(user.headers, { server_identifier, ...one })))
  }
  const answers = [...(await callAtOnce()), ...(await callAtOnce())]
  t.ok(answers.every(({ status }) => status === 200))
  const sent = recording.calls().slice(before)
  t.equal(new Set(sent.map(({ headers }) => headers.authorization)).size, 40)
  for (const { tool, arguments: given, headers } of sent)
    t.match(claimsOf(headers.authorization), { tool, arguments_digest: digestOf(given) })
  issuer.behave({})
  for (const _ of [1, 2]) await call(user.headers, { server_identifier, tool: 'x' })
  const kept = recording.calls().slice(-2)
  t.equal(kept[0]?.headers.authorization, kept[1]?.headers.authorization, 'and what may be kept again is')
})

t.test('a token that is about to end is not used again', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = forwarding(user.tenant_id)
  issuer.behave({ lifetimeSeconds: 0 })
  const asked = issuer.asked().length
  for (const _ of [1, 2]) await call(user.headers, { server_identifier, tool: 'x' })
  t.equal(issuer.asked().length, asked + 2)
})

t.test('while the broker is away warm calls go on, cold ones are 503', async (t) => {
  const { tenant_id, ...warm } = await broker.signIn()
  const cold = await broker.signIn({ tenant_id })
  const { server_identifier } = forwarding(tenant_id)
  await call(warm.headers, { server_identifier, tool: 'x' })
  await issuer.leave()
  t.equal((await call(warm.headers, { server_identifier, tool: 'x' })).status, 200)
  const before = recording.requests().length
  const { status, body, headers } = await call(cold.headers, { server_identifier, tool: 'x' })
  t.match({ status, code: body.code }, { status: 503, code: 'unavailable' })
  t.ok(headers['retry-after'])
  t.equal(recording.requests().length, before)
  await issuer.comeBack()
  t.equal((await call(cold.headers, { server_identifier, tool: 'x' })).status, 200)
})

t.test('while the whole bus is away warm calls go on', async (t) => {
  const user = await broker.signIn()
  const { server_identifier } = forwarding(user.tenant_id)
  await call(user.headers, { server_identifier, tool: 'x' })
  await backends.nats.stop()
  t.equal((await call(user.headers, { server_identifier, tool: 'x' })).status, 200)
  const stranger = devices.makeToken()
  t.match(await call(stranger.headers, { server_identifier, tool: 'x' }), { status: 503 })
})
