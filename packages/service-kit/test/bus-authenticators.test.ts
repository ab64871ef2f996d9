import { randomUUID } from 'node:crypto'
import {
  deviceChanges,
  identityChanges,
  listBrokerKeys,
  type ResolvedPrincipal,
  resolveBearer
} from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { serve, writeFeed } from '@onbehalf/rpc'
import { startBackends, until } from '@onbehalf/testkit'
import { openBusAs, playDeviceAuth, playIdentityBroker } from '@onbehalf/testkit/players'
import t from 'tap'
import { busAuthenticators, busSessionKeys, hashOf, openBus } from '../src/index.ts'
import { holdRefusals } from '../src/refusals.ts'

const backends = await startBackends(t)
const [brokerBus, deviceBus, bus] = await Promise.all([
  openBusAs(t, backends, 'identity-broker'),
  openBusAs(t, backends, 'device-auth'),
  openBusAs(t, backends, 'tool-invoker')
])

const isRefused = async (work: unknown) =>
  Promise.resolve(work).then(
    () => false,
    () => true
  )

t.test('who a credential belongs to is held, until its owner says that something changed', async (t) => {
  const broker = await playIdentityBroker(brokerBus, { publicUrl: 'http://127.0.0.1:4000' })
  const device = await playDeviceAuth(deviceBus)
  const callers = busAuthenticators(bus, { accepts: ['session', 'bearer', 'api_key'] })
  t.teardown(callers.close)
  await bus.connection.flush()
  // A reader drops what it holds at the first word of a writer; what comes after that is about one thing only.
  broker.change()
  device.change()
  await Promise.all([brokerBus, deviceBus, bus].map(({ connection }) => connection.flush()))
  const { session, bearer, api_key } = callers.authenticators
  if (!session || !bearer || !api_key) throw new Error('three kinds were accepted')

  const { tenant_id, session_id, user_id } = await broker.signIn()
  t.equal((await session({ tenant_id, session_id })).principal.user_id, user_id)
  t.ok(await isRefused(session({ tenant_id: randomUUID(), session_id })), 'of one tenant only')
  const made = device.makeToken()
  t.equal((await bearer(hashOf(made.token))).principal.user_id, made.user_id)
  const app = broker.makeApiKey({ actsFor: [user_id] })
  t.equal((await api_key(hashOf(app.key))).principal.user_id, null)
  t.equal((await callers.actFor(hashOf(app.key), user_id)).principal.user_id, user_id)
  await t.rejects(callers.actFor(hashOf(app.key), randomUUID()), { code: 'policy_denied' })

  broker.endSession(session_id)
  await until(() => isRefused(session({ tenant_id, session_id })))
  device.revoke(made.token_id)
  await until(() => isRefused(bearer(hashOf(made.token))))
  await Promise.all([broker.close(), device.close()])
  t.equal((await api_key(hashOf(app.key))).principal.kind, 'app', 'what is held goes on without its owner')
})

t.test('that a token is no good is held too, until one is minted or somebody becomes a member', async (t) => {
  let asked = 0
  const good = new Map<string, ResolvedPrincipal>()
  const served = serve(deviceBus, resolveBearer, async ({ token_hash }) => {
    asked += 1
    const found = good.get(token_hash)
    if (found) return found
    throw new ReportedError('invalid_bearer', 'There is no such token.')
  })
  const device = writeFeed(deviceBus, deviceChanges)
  const broker = writeFeed(brokerBus, identityChanges)
  const callers = busAuthenticators(bus, { accepts: ['bearer'] })
  const other = busAuthenticators(bus, { accepts: ['bearer'] })
  const quiet = async () => {
    await Promise.all([device.flush(), broker.flush()])
    await bus.connection.flush()
  }
  await bus.connection.flush()
  device.publish()
  broker.publish()
  await quiet()
  const hash = hashOf('dfoa_a')
  const isGood = async ({ authenticators }: typeof callers) =>
    !(await isRefused(Promise.resolve(authenticators.bearer?.(hash))))
  t.same([await isGood(callers), await isGood(callers), await isGood(callers)], [false, false, false])
  t.equal(asked, 1, 'one look-up')

  const credential = { kind: 'device_token' as const, id: randomUUID() }
  const principal = { kind: 'user' as const, tenant_id: randomUUID(), user_id: randomUUID(), role: null, credential }
  const credential_expires_at = Math.floor(Date.now() / 1000) + 6
  good.set(hash, { principal, ticket: 'ticket', credential_expires_at })
  t.notOk(await isGood(callers), 'still the refusal that is held')
  broker.publish({ kind: 'grant', id: randomUUID() })
  await quiet()
  t.notOk(await isGood(callers), 'which has nothing to do with grants')
  device.publish({ kind: 'device_token', id: credential.id })
  await quiet()
  t.same([await isGood(callers), await isGood(other)], [true, true], 'on every replica')

  good.delete(hash)
  await until(async () => !(await isGood(callers)))
  t.ok(Date.now() >= credential_expires_at * 1000, 'a good one is held to its end and no longer')
  good.set(hash, { principal, ticket: 'ticket', credential_expires_at: credential_expires_at + 600 })
  broker.publish({ kind: 'user', id: principal.user_id })
  await quiet()
  t.ok(await isGood(callers))
  for (const { close } of [callers, other, device, broker]) close()
  await served.stop()
})

t.test('a refusal from before an emptying is not held', async (t) => {
  let time = 0
  const waiting: ((error: Error) => void)[] = []
  const { ask, empty } = holdRefusals(() => new Promise<never>((_, reject) => waiting.push(reject)), {
    now: () => time
  })
  const refuse = async (asked: Promise<unknown>) => {
    waiting.shift()?.(new ReportedError('invalid_bearer', 'There is no such token.'))
    await t.rejects(asked, { code: 'invalid_bearer' })
  }
  const early = ask('hash')
  empty()
  await refuse(early)
  await refuse(ask('hash'))
  await t.rejects(ask('hash'), { code: 'invalid_bearer' }, 'asked after it, it is')
  time = 10_000
  await refuse(ask('hash'))
  const away = ask('other')
  waiting.shift()?.(new ReportedError('unavailable', 'Nobody answers.'))
  await t.rejects(away, { code: 'unavailable' })
  await refuse(ask('other'))
})

t.test('only what is accepted can be authenticated', async (t) => {
  const callers = busAuthenticators(bus, { accepts: ['session'] })
  t.same(Object.keys(callers.authenticators), ['session'])
  callers.close()
})

t.test('an unknown session key asks again at most once in 30 s', async (t) => {
  let asked = 0
  let time = 0
  const key = { kid: 'k1', kty: 'EC' as const, crv: 'P-256' as const, x: 'x', y: 'y' }
  const keys = [key]
  const find = busSessionKeys(bus, { now: () => time })
  await t.rejects(find('k1'), { code: 'unavailable' }, 'nobody answers yet')
  const served = serve(brokerBus, listBrokerKeys, async () => {
    asked += 1
    return { ticket: [{ ...key, kid: 'of tickets' }], session: keys }
  })
  await brokerBus.connection.flush()
  t.same(await Promise.all([find('k1'), find('made up'), find('of tickets')]), [key, undefined, undefined])
  t.equal(asked, 1)
  keys.push({ ...key, kid: 'k2' })
  time = 29_999
  t.same([await find('k2'), await find('k1')], [undefined, key])
  time = 30_000
  t.match(await find('k2'), { kid: 'k2' })
  t.equal(asked, 2)
  await served.stop()
})

t.test('the bus as a dependency says when it is away and when it is back', async (t) => {
  const {
    NATS_URL: url = '',
    NATS_USER: user = '',
    NATS_PASSWORD: password = ''
  } = backends.environmentFor('mcp-provider')
  const opened = await openBus({ service: 'mcp-provider', url, user, password })
  t.teardown(() => opened.bus.drain())
  const isAway = () => isRefused(opened.dependency.check())
  t.equal(opened.dependency.name, 'nats')
  t.notOk(await isAway())
  await backends.nats.stop()
  await until(isAway)
  await backends.nats.restart()
  await until(async () => !(await isAway()))
})
