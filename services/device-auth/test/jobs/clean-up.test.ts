import { eventually } from '@onbehalf/testkit'
import { Client } from 'pg'
import t from 'tap'
import { jobStore } from '../../src/jobs/store.ts'
import { send, signInDevice, startService } from '../start.ts'

const { app, broker, backends, resources, startReplica } = await startService(t)
const admin = new Client({ connectionString: backends.adminDatabaseUrl })
await admin.connect()
t.teardown(() => admin.end())

const who = await broker.signIn({ role: 'owner' })
const change = (id: string, set: string) =>
  admin.query(`update device_auth.device_token set ${set} where id = $1`, [id])
const rowOf = async (id: string) =>
  (await admin.query('select token_hash, revoked_at from device_auth.device_token where id = $1', [id])).rows[0]
const eventsOf = async (id: string): Promise<string[]> => {
  const { body } = await send(app, 'GET', `/v1/audit/devices?subject_id=${id}`, { headers: who.headers })
  return body.data.map(({ action, actor }: { action: string; actor: { kind: string } }) => `${action} ${actor.kind}`)
}
const account = (token: string) =>
  send(app, 'GET', '/openapi/v1/account', { headers: { authorization: `Bearer ${token}` } })

t.test('a token whose time is over is ended by its first use, once, and on record', async (t) => {
  const { body } = await signInDevice(app, who, { device_label: 'used' })
  await change(body.token_id, "expires_at = now() - interval '1 second'")
  const answers = await Promise.all([1, 2, 3].map(() => account(body.token)))
  t.strictSame(
    answers.map(({ status, body: { code } }) => [status, code]),
    answers.map(() => [401, 'invalid_bearer'])
  )
  t.match(await rowOf(body.token_id), { token_hash: null, revoked_at: Date })
  t.strictSame(await eventsOf(body.token_id), ['oauth.token_expired system', 'oauth.token_issued user'])
})

t.test('one that nobody uses is ended by whatever replica comes first, and forgotten in the end', async (t) => {
  const { body: over } = await signInDevice(app, who, { device_label: 'over' })
  const { body: long } = await signInDevice(app, who, { device_label: 'long ago' })
  const { body: lately } = await signInDevice(app, who, { device_label: 'lately' })
  const { body: live } = await signInDevice(app, who, { device_label: 'live' })
  await change(over.token_id, "expires_at = now() - interval '1 second'")
  await change(long.token_id, "token_hash = null, revoked_at = now() - interval '31 days'")
  await change(lately.token_id, "token_hash = null, revoked_at = now() - interval '29 days'")
  await Promise.all([startReplica(), startReplica()])
  t.ok(
    await eventually(
      () => rowOf(over.token_id),
      (row) => row.revoked_at !== null
    )
  )
  t.strictSame(await eventsOf(over.token_id), ['oauth.token_expired system', 'oauth.token_issued user'])
  t.equal(
    await eventually(
      () => rowOf(long.token_id),
      (row) => row === undefined
    ),
    undefined
  )
  t.match(await rowOf(lately.token_id), { revoked_at: Date })
  t.equal((await account(live.token)).status, 200)
})

t.test('while another replica forgets, this one leaves it to that', async (t) => {
  const { body } = await signInDevice(app, who, { device_label: 'left' })
  await change(body.token_id, "token_hash = null, revoked_at = now() - interval '31 days'")
  const lock = "select pg_advisory_xact_lock(hashtext('device-auth clean-up'))"
  await admin.query('begin')
  await admin.query(lock)
  const { forgetTokens } = jobStore(resources.postgres.db)
  await forgetTokens(30)
  t.ok(await rowOf(body.token_id))
  await admin.query('commit')
  await forgetTokens(30)
  t.equal(await rowOf(body.token_id), undefined)
})
