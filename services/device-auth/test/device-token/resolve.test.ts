import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { listDeviceKeys, principalTicket, resolveBearer } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { call, createKeySet, verifyTicket } from '@onbehalf/rpc'
import { busAuthenticators, hashOf } from '@onbehalf/service-kit'
import { dumpRows, eventually } from '@onbehalf/testkit'
import { openBusAs } from '@onbehalf/testkit/players'
import { Client } from 'pg'
import t from 'tap'
import { accountIssuer, makeToken } from '../../src/device-token/kinds.ts'
import { decideAs, poll, send, signInDevice, startFlow, startService } from '../start.ts'

const { app, broker, backends, redis, resources } = await startService(t)
const invoker = await openBusAs(t, backends, 'tool-invoker')
const provider = await openBusAs(t, backends, 'mcp-provider')
const deadline = () => ({ deadlineAt: Date.now() + 20_000 })
const resolve = (token: string) => call(invoker, resolveBearer, { token_hash: hashOf(token) }, deadline())
const refusal = async (token: string) => {
  const error: unknown = await resolve(token).then(
    () => undefined,
    (thrown: unknown) => thrown
  )
  return error instanceof ReportedError ? { code: error.code, message: error.message } : error
}
const account = (token: string) =>
  send(app, 'GET', '/openapi/v1/account', { headers: { authorization: `Bearer ${token}` } })

const admin = new Client({ connectionString: backends.adminDatabaseUrl })
await admin.connect()
t.teardown(() => admin.end())
const update = (id: string, set: string) =>
  admin.query(`update device_auth.device_token set ${set} where id = $1`, [id])

t.test('the other services learn whose token it is, in a statement they can check', async (t) => {
  const who = await broker.signIn({ role: 'admin' })
  const { body } = await signInDevice(app, who)
  const { principal, ticket, credential_expires_at } = await resolve(body.token)
  t.strictSame(principal, {
    kind: 'user',
    tenant_id: who.tenant_id,
    user_id: who.user_id,
    role: 'admin',
    credential: { kind: 'device_token', id: body.token_id }
  })
  t.equal(credential_expires_at, Math.floor(Date.parse(body.expires_at) / 1000))
  const findKey = createKeySet(async () => (await call(provider, listDeviceKeys, {}, deadline())).ticket)
  t.strictSame(await verifyTicket(principalTicket, ticket, { findKey }), principal)
})

t.test('unknown, revoked, expired and orphaned tokens are one answer', async (t) => {
  const unknown = await refusal(`dfoa_${randomBytes(32).toString('base64url')}`)
  t.match(unknown, { code: 'invalid_bearer' })
  const who = await broker.signIn()
  const expired = (await signInDevice(app, who, { device_label: 'expired' })).body
  await update(expired.token_id, "expires_at = now() - interval '1 second'")
  t.strictSame(await refusal(expired.token), unknown)
  const revoked = (await signInDevice(app, who, { device_label: 'revoked' })).body
  await update(revoked.token_id, 'revoked_at = now()')
  t.strictSame(await refusal(revoked.token), unknown)
  for (const role of [null, undefined]) {
    const leaver = await broker.signIn()
    const left = (await signInDevice(app, leaver)).body
    await resolve(left.token)
    broker.changeRole(leaver.user_id, role)
    t.strictSame(
      await eventually(
        () => refusal(left.token),
        (answer) => answer !== undefined
      ),
      unknown
    )
  }
  const http = await account(expired.token)
  t.match(http, { status: 401, headers: { 'www-authenticate': 'Bearer' }, body: { code: 'invalid_bearer' } })
  t.match((await account('dfoe_short')).body, { code: 'invalid_bearer' })
  const { body } = await send(app, 'GET', '/openapi/v1/account')
  t.match(body, { code: 'unauthenticated' })
})

t.test('a change of role is seen within a second', async (t) => {
  const who = await broker.signIn({ role: 'member' })
  const { body } = await signInDevice(app, who)
  t.match(await resolve(body.token), { principal: { role: 'member' } })
  broker.changeRole(who.user_id, 'owner')
  const role = async () => {
    const { principal } = await resolve(body.token)
    return principal.kind === 'user' ? principal.role : undefined
  }
  t.equal(await eventually(role, (found) => found === 'owner'), 'owner')
})

t.test('revoking reaches those who hold the token as good, and so does rotating', async (t) => {
  const reader = busAuthenticators(invoker, { accepts: ['bearer'] })
  t.teardown(reader.close)
  const held = (token: string) => async () => {
    const asked = Promise.resolve(reader.authenticators.bearer?.(hashOf(token)))
    const answer = await asked.catch((error: unknown) => error)
    return answer instanceof ReportedError ? answer.code : 'good'
  }
  const who = await broker.signIn()
  const { body: first } = await signInDevice(app, who)
  t.equal(await eventually(held(first.token), (answer) => answer === 'good'), 'good')
  const { body: second } = await signInDevice(app, who)
  t.equal(await eventually(held(first.token), (answer) => answer !== 'good'), 'invalid_bearer')
  t.equal(await held(second.token)(), 'good')

  const headers = { authorization: `Bearer ${second.token}` }
  t.match(await send(app, 'DELETE', '/openapi/v1/account/sessions/self', { headers }), {
    status: 200,
    body: { status: 'revoked' }
  })
  t.equal(await eventually(held(second.token), (answer) => answer !== 'good'), 'invalid_bearer')
  t.match(await account(second.token), { status: 401 })
  const { rows } = await admin.query('select token_hash, revoked_at from device_auth.device_token where id = $1', [
    second.token_id
  ])
  t.match(rows, [{ token_hash: null, revoked_at: Date }])
  const events = await admin.query('select action from device_auth.audit_event where subject_id = $1 order by id', [
    second.token_id
  ])
  t.match(events.rows.at(-1), { action: 'oauth.token_revoked' })
  const { body: third } = await signInDevice(app, who)
  t.not(third.token_id, second.token_id, 'after a revocation a new row begins')
})

t.test('use is noted, coarsely and without anybody waiting', async (t) => {
  const who = await broker.signIn()
  const { body } = await signInDevice(app, who)
  const lastUse = async (): Promise<Date | null> => {
    const query = 'select last_used_at from device_auth.device_token where id = $1'
    return (await admin.query(query, [body.token_id])).rows[0].last_used_at
  }
  t.equal(await lastUse(), null)
  await resolve(body.token)
  const first = await eventually(lastUse, (at) => at !== null)
  t.ok(first)
  await resolve(body.token)
  t.strictSame(await lastUse(), first, 'not again within a minute')
  await update(body.token_id, "last_used_at = now() - interval '2 minutes'")
  await resolve(body.token)
  const again = await eventually(lastUse, (at) => at !== null && first !== null && at >= first)
  t.ok(again && first && again >= first)
})

t.test('a kind of token has its issuer and its kind of person, and no other', async (t) => {
  t.throws(() => makeToken('dfoa_', 'https://idp.example'), /cannot have the issuer/)
  for (const issuer of [accountIssuer, '', ' ']) t.throws(() => makeToken('dfoe_', issuer), /cannot have the issuer/)
  t.match(makeToken('dfoa_', accountIssuer), { token: /^dfoa_/ })
  t.match(makeToken('dfoe_', 'https://idp.example'), { token: /^dfoe_/ })

  const misfits = {
    'the issuer of the other kind': "issuer = 'https://idp.example'",
    'the prefix of the other kind': "prefix = 'dfoe_'",
    'a kind for people who are no members': "prefix = 'dfoe_', issuer = 'https://idp.example'",
    'a prefix that there is not': "prefix = 'dfox_'"
  }
  for (const [name, set] of Object.entries(misfits)) {
    const { body } = await signInDevice(app, await broker.signIn())
    await update(body.token_id, set)
    t.match(await refusal(body.token), { code: 'invalid_bearer' }, name)
    t.match(await account(body.token), { status: 401 }, name)
  }
})

t.test('neither a token nor a code rests in clear anywhere', async (t) => {
  const who = await broker.signIn()
  const { device_code, user_code } = await startFlow(app, { device_label: 'scanned' })
  const bare = user_code.replace('-', '')
  const inRedis = async () => {
    const keys = await redis.keys('*')
    const values = await Promise.all(
      keys.map(async (key) => ((await redis.type(key)) === 'hash' ? redis.hgetall(key) : redis.get(key)))
    )
    return JSON.stringify([keys, values])
  }
  const states = [await inRedis()]
  await decideAs(app, 'approve', who, user_code)
  states.push(await inRedis())
  const { body } = await poll(app, device_code)
  await resolve(body.token)
  states.push(await inRedis())
  const file = join(backends.directory, 'scan.txt')
  await dumpRows(backends.adminDatabaseUrl, file)
  const rows = readFileSync(file, 'utf8')
  const logs = readFileSync(join(backends.directory, 'device-auth.log'), 'utf8')
  t.match(states[0], /scanned/, 'the scan sees the flow')
  t.match(rows, /scanned/, 'and the row')
  for (const place of [...states, rows, logs])
    for (const secret of [device_code, user_code, bare, body.token, body.token.slice(5), resources.userCodeKey])
      t.notOk(place.includes(secret))
})
